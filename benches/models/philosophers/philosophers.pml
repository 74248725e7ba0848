/* Dining philosophers. One process whose options are the actions: the fastest form for SPIN. The last option
   never executes; it looks at the invariant once for each state. */
#ifndef N
#define N 8
#endif
#include "../repeat.h"

#define THINKING 0
#define HUNGRY 1
#define EATING 2
#define NEXT(i) (((i) + 1) % N)

byte activity[N];
int taken; /* a bit for each philosopher's left fork; NEXT's is at the right */
#define FORK(i) (1 << (i))

#define PHILOSOPHER(i) \
  :: d_step { activity[i] == THINKING && !(taken & FORK(i)) -> activity[i] = HUNGRY; taken = taken | FORK(i) } \
  :: d_step { activity[i] == HUNGRY && !(taken & FORK(NEXT(i))) -> activity[i] = EATING; taken = taken | FORK(NEXT(i)) } \
  :: d_step { activity[i] == HUNGRY -> activity[i] = THINKING; taken = taken & ~FORK(i) } \
  :: d_step { activity[i] == EATING -> activity[i] = THINKING; taken = taken & ~FORK(i); taken = taken & ~FORK(NEXT(i)) }

#define OR_BOTH_EAT(i) || (activity[i] == EATING && activity[NEXT(i)] == EATING)

active proctype philosophers() {
  do
  REPEAT(N, PHILOSOPHER)
  :: (false REPEAT(N, OR_BOTH_EAT)) -> assert(false)
  od
}
