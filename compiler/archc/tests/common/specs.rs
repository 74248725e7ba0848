//! Small specs, one for each way a check can end.

/// Two workers and a lock that works.
pub const HOLDS: &str = "\
archetype T01 \"Lock\"

truth Lock { owner: worker? }

actor worker * 2

protocol main for each worker, repeats {
  worker[take {Lock.owner = null}] -> worker[release {Lock.owner = self}] => done
}

on take { Lock.owner := self }
on release { Lock.owner := null }

property free_again: reachable Lock.owner = null
property nobody_waits: always Lock.owner = null or Lock.owner != null
";

/// The same without the guard: both are at release at once.
pub const VIOLATED: &str = "\
archetype T02 \"No lock\"

truth Lock { owner: worker? }

actor worker * 2

protocol main for each worker, repeats {
  worker[take] -> worker[release] => done
}

on take { Lock.owner := self }
on release { Lock.owner := null }

property mine: at release: Lock.owner = self
";

/// Names a truth object that is not declared.
pub const INVALID: &str = "\
archetype T03 \"Wrong\"

truth Lock { owner: worker? }

actor worker * 2

protocol main for each worker, repeats {
  worker[take {Lok.owner = null}] => done
}

on take { Lock.owner := self }
";

/// Does not parse.
pub const BROKEN: &str = "truth Lock { owner: }}\n";

/// Resolves, with attributes that have no types yet.
pub const SKETCH: &str = "\
archetype T04 \"Sketch\"

truth Lock { owner_id }

actor worker

protocol main {
  worker[take {Lock.owner_id = null}] -> worker[release] => done
}
";

/// A billion states.
pub const HUGE: &str = "\
archetype T05 \"Huge\"

truth Count { a: 0..1000, b: 0..1000, c: 0..1000 }

actor adder

rules {
  adder[add_a {Count.a < 1000}]
  adder[add_b {Count.b < 1000}]
  adder[add_c {Count.c < 1000}]
}

on add_a { Count.a := Count.a + 1 }
on add_b { Count.b := Count.b + 1 }
on add_c { Count.c := Count.c + 1 }

property small: always Count.a <= 1000
";

/// A counter that leaves its range, with instances that expect so, or wrongly do.
pub const EXPECTING: &str = "\
archetype T06 \"Expecting\"

const LIMIT = 2

truth Count { n: 0..3 }

actor adder

rules {
  adder[add {Count.n < LIMIT}]
}

on add { Count.n := Count.n + 1 }

property low: always Count.n <= 2

instance over { LIMIT = 3 expect violated low }
instance under { LIMIT = 1 expect violated low }
";

/// Something that this version does not judge.
pub const LIVENESS: &str = "\
archetype T07 \"Liveness\"

truth Flag { up: bool }

actor raiser

protocol main {
  raiser[raise {Flag.up = false}] => done
}

on raise { Flag.up := true }

property rises: eventually Flag.up = true
";

/// Two who take two things in different orders; one of the guards waits for time as well.
pub const DEADLOCK: &str = "\
archetype T08 \"Deadlock\"

truth Left { owner: phil? }
truth Right { owner: phil? }
truth Lease { until: time }

actor phil * 2

protocol a for each phil {
  phil[left {Left.owner = null}] ->
    phil[right {Right.owner = null and Lease.until < now + 1}] => done
  |-> phil[other {Right.owner = null}] -> phil[back {Left.owner = null}] => done
}
branch other at start

on left { Left.owner := self }
on right { Right.owner := self }
on other { Right.owner := self; Lease.until := now + 2 }
on back { Left.owner := self }
";

/// Nobody keeps an old epoch, so each canonical state has two of them at most.
pub const EPOCHS: &str = "\
archetype T09 \"Epochs\"

ordinal Epoch

truth Owner { epoch: Epoch, times: 0..3 }

actor owner

rules {
  owner[take {Owner.times < 3}]
}

on take { advance Owner.epoch; Owner.times := Owner.times + 1 }

property few: always Owner.times < 3
";

/// A store that takes a late duplicate for news.
pub const DUPLICATED: &str = "\
archetype T10 \"Duplicated\"

ordinal Version

truth Store { newest: Version }
truth Clock { last: Version }

actor client * 1 { seen: Version }

protocol main for each client, repeats {
  client[look] -> client[store] => done
}

on look { advance Clock.last; seen := Clock.last }
on store { Store.newest := seen }

faults { duplicate store at most 1 }

property newest_wins: at store: seen >= Store.newest
";
