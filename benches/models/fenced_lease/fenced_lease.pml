/* A lease with fencing tokens. One process whose options are the actions: the fastest form for SPIN. The last
   option never executes; it looks at the invariants once for each state. */
#ifndef CLIENTS
#define CLIENTS 2
#define SHARDS 2
#define EPOCHS 2
#define TTL 2
#define VALUES 4096
#endif
#include "../repeat.h"

#define IDLE 0
#define OWNER 1
#define WRITING 2
#define NOBODY CLIENTS

byte phase[CLIENTS];
byte epoch[CLIENTS];
byte target[CLIENTS]; /* of those that are WRITING; else 0 */
short seen[CLIENTS];  /* of those that are WRITING; else 0 */

byte owner = NOBODY;
byte remaining;
byte current;

byte accepted[SHARDS];
short value[SHARDS];

#define READ(c, s) :: d_step { phase[c] == OWNER -> phase[c] = WRITING; target[c] = s; seen[c] = value[s] }

#define CLIENT(c) \
  :: d_step { phase[c] == IDLE && remaining == 0 && current < EPOCHS -> \
       owner = c; remaining = TTL; current = current + 1; phase[c] = OWNER; epoch[c] = current } \
  :: d_step { phase[c] == OWNER && owner == c && remaining < TTL -> remaining = TTL } \
  REPEAT_WITH(SHARDS, READ, c) \
  :: d_step { phase[c] == WRITING -> \
       if \
       :: epoch[c] > accepted[target[c]] -> \
            value[target[c]] = (seen[c] * 31 + epoch[c]) % VALUES; \
            accepted[target[c]] = epoch[c]; \
            phase[c] = OWNER \
       :: else -> phase[c] = IDLE; epoch[c] = 0 \
       fi; \
       target[c] = 0; seen[c] = 0 } \
  :: d_step { phase[c] == OWNER && owner == c -> \
       owner = NOBODY; remaining = 0; phase[c] = IDLE; epoch[c] = 0 } \
  :: d_step { phase[c] != IDLE -> phase[c] = IDLE; epoch[c] = 0; target[c] = 0; seen[c] = 0 }

#define OR_FROM_THE_FUTURE(s) || accepted[s] > current
#define PLUS_CURRENT(c) + (epoch[c] == current)

active proctype fenced_lease() {
  do
  REPEAT(CLIENTS, CLIENT)
  :: d_step { remaining > 0 -> remaining = remaining - 1 }
  :: (false REPEAT(SHARDS, OR_FROM_THE_FUTURE)) -> assert(false)
  :: current > 0 && (0 REPEAT(CLIENTS, PLUS_CURRENT)) > 1 -> assert(false)
  od
}
