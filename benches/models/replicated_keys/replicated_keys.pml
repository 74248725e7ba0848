/* Replicas that write keys and copy what is newer from each other. One process whose options are the actions: the
   fastest form for SPIN. The last option never executes; it looks at the invariant once for each state. */
#ifndef REPLICAS
#define REPLICAS 3
#define KEYS 2
#define VERSIONS 2
#define VALUES 4096
#endif
#include "../repeat.h"

/* A cell for each replica and key, those of a replica one after the other. REPEAT needs their number as a number. */
#if REPLICAS * KEYS == 6
#define CELLS 6
#elif REPLICAS * KEYS == 9
#define CELLS 9
#elif REPLICAS * KEYS == 12
#define CELLS 12
#endif

byte version[CELLS];
byte writer[CELLS]; /* 0: nobody, else one up */
short value[CELLS];

#define OTHER(c, p) ((p) * KEYS + (c) % KEYS)

#define PULL(c, p) \
  :: d_step { (p) != (c) / KEYS && version[OTHER(c, p)] > version[c] -> \
       value[c] = value[OTHER(c, p)]; version[c] = version[OTHER(c, p)]; writer[c] = writer[OTHER(c, p)] }

#define CELL(c) \
  :: d_step { version[c] < VERSIONS -> \
       value[c] = (value[c] * 31 + version[c] + 7) % VALUES; version[c] = version[c] + 1; writer[c] = (c) / KEYS + 1 } \
  REPEAT_WITH(REPLICAS, PULL, c)

#define OR_UNWRITTEN(c) || (version[c] > 0 && writer[c] == 0)

active proctype replicated_keys() {
  do
  REPEAT(CELLS, CELL)
  :: (false REPEAT(CELLS, OR_UNWRITTEN)) -> assert(false)
  od
}
