/* Two-phase commit with a message set, after the TLA+ specification TwoPhase. One process whose options are the
   actions: the fastest form for SPIN (half again as fast as one process per resource manager). Sets are bit masks.
   The last option never executes; it looks at the invariant once for each state. */
#ifndef N
#define N 3
#endif
#include "../repeat.h"

#define WORKING 0
#define PREPARED 1
#define COMMITTED 2
#define ABORTED 3

#define INIT 0
#define DONE_COMMITTED 1
#define DONE_ABORTED 2

/* Messages: PREPARED_BY(rm) for each resource manager, then the manager's two. */
#define PREPARED_BY(i) (1 << (i))
#define EVERYONE ((1 << N) - 1)
#define COMMIT (1 << N)
#define ABORT (2 << N)

byte state[N];
byte manager;
short prepared; /* whose PREPARED_BY the manager has seen */
short sent;     /* all messages ever sent */

#define RM(i) \
  :: d_step { manager == INIT && (sent & PREPARED_BY(i)) -> prepared = prepared | PREPARED_BY(i) } \
  :: d_step { state[i] == WORKING -> state[i] = PREPARED; sent = sent | PREPARED_BY(i) } \
  :: d_step { state[i] == WORKING -> state[i] = ABORTED } \
  :: d_step { sent & COMMIT -> state[i] = COMMITTED } \
  :: d_step { sent & ABORT -> state[i] = ABORTED }

#define OR_COMMITTED(i) || state[i] == COMMITTED
#define OR_ABORTED(i) || state[i] == ABORTED

active proctype two_phase_commit() {
  do
  :: d_step { manager == INIT && prepared == EVERYONE -> manager = DONE_COMMITTED; sent = sent | COMMIT }
  :: d_step { manager == INIT -> manager = DONE_ABORTED; sent = sent | ABORT }
  REPEAT(N, RM)
  :: (false REPEAT(N, OR_COMMITTED)) && (false REPEAT(N, OR_ABORTED)) -> assert(false)
  od
}
