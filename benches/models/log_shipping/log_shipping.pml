/* A log shipped to followers over bounded, lossy channels. One process whose options are the actions: the fastest
   form for SPIN; the queues are its own channels. The last options never execute; they look at the invariants
   once for each state. */
#ifndef FOLLOWERS
#define FOLLOWERS 1
#define LENGTH 2
#define DEPTH 2
#define VALUES 2
#endif
#include "../repeat.h"

byte log[LENGTH];
byte length;

typedef Follower {
  chan entries = [DEPTH] of { byte, byte }; /* index, value */
  chan acks = [DEPTH] of { byte };
  byte copy[LENGTH];
  byte copied;
  byte acked /* what the leader knows */
};
Follower follower[FOLLOWERS];

byte ack; /* being heard; 0 between actions (pan does not search breadth first with hidden variables) */

#define APPEND(none, v) :: d_step { length < LENGTH -> log[length] = v; length = length + 1 }

#define SEND(f, at) \
  :: d_step { follower[f].acked <= at && at < length && nfull(follower[f].entries) -> \
       follower[f].entries!at,log[at] }

#define FOLLOWER(f) \
  REPEAT_WITH(LENGTH, SEND, f) \
  :: d_step { nempty(follower[f].entries) && nfull(follower[f].acks) -> \
       if \
       :: follower[f].entries?[eval(follower[f].copied),_] -> \
            follower[f].entries?_,follower[f].copy[follower[f].copied]; \
            follower[f].copied = follower[f].copied + 1 \
       :: else -> follower[f].entries?_,_ \
       fi; \
       follower[f].acks!follower[f].copied } \
  :: d_step { nempty(follower[f].acks) -> \
       follower[f].acks?ack; \
       if \
       :: ack > follower[f].acked -> follower[f].acked = ack \
       :: else \
       fi; \
       ack = 0 } \
  :: d_step { nempty(follower[f].entries) -> follower[f].entries?_,_ } \
  :: d_step { nempty(follower[f].acks) -> follower[f].acks?_ }

#define OR_DIFFERS(f, i) || (i < follower[f].copied && (i >= length || follower[f].copy[i] != log[i]))
#define OR_NOT_A_PREFIX(f) REPEAT_WITH(LENGTH, OR_DIFFERS, f)
#define OR_DISHONEST(f) || follower[f].acked > follower[f].copied

active proctype log_shipping() {
  do
  REPEAT_WITH(VALUES, APPEND, none)
  REPEAT(FOLLOWERS, FOLLOWER)
  :: (false REPEAT(FOLLOWERS, OR_NOT_A_PREFIX)) -> assert(false)
  :: (false REPEAT(FOLLOWERS, OR_DISHONEST)) -> assert(false)
  od
}
