//! A small service, written as generated code would be: leases with epochs, slots that a guard counts, and a pair of rows of which
//! only one may be set.

use crate::fencing::FencingToken;
use crate::journal::{Entry, Replay};
use crate::outbox::Message;
use crate::schema::{Kind, KindId, Schema};
use crate::store::{
    Decision, Denial, Effects, IdempotencyKey, Json, Meta, Plan, Snapshot, Step, Transition, TxId,
};
use crate::time::Instant;
use crate::value::{Field, Row, RowKey, Type, UnionType, Value, Variant};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// `truth ClaimState[item] { owner_id: client?, expiry_at: time, epoch: Epoch, status: { FREE, HELD } }`
pub const CLAIM: KindId = KindId(0);
/// `truth Slot[slot] { holder: client? }`; some guard counts all of them.
pub const SLOT: KindId = KindId(1);
/// `truth Left[item] { set: bool }`
pub const LEFT: KindId = KindId(2);
/// `truth Right[item] { set: bool }`; never both.
pub const RIGHT: KindId = KindId(3);
/// The locals of `actor client { my_epoch: Epoch }`
pub const CLIENT: KindId = KindId(4);
/// A truth object without keys that has an attribute of every type.
pub const EVERYTHING: KindId = KindId(5);
/// `truth Counter { value: 0..1000000 }`
pub const COUNTER: KindId = KindId(6);

/// How long a lease lasts, in milliseconds.
pub const TTL: u64 = 50;
/// How many slots may be taken at the same time.
pub const SLOTS: usize = 2;

/// What the sample stores.
///
/// # Panics
/// Never: the names are good.
#[must_use]
pub fn schema() -> Arc<Schema> {
    schema_of("sha256:sample")
}

/// The schema of the next version: an attribute that rows may lack, a wider bound and a new kind.
///
/// # Panics
/// Never: the names are good.
#[must_use]
pub fn next_schema() -> Arc<Schema> {
    let old = schema();
    let kinds = old.kinds().map(|(_, kind)| match &*kind.name {
        "ClaimState" => kind.clone().column("note", Type::id("note").optional()),
        "Counter" => Kind::truth("Counter").column("value", Type::Int { lo: 0, hi: 2_000_000 }),
        _ => kind.clone(),
    });
    let kinds = kinds.chain([Kind::truth("Extra").column("set", Type::Bool)]).collect();
    Arc::new(Schema::new("sha256:next", kinds).expect("the names are good"))
}

/// The sample's schema for another spec.
///
/// # Panics
/// Never: the names are good.
#[must_use]
pub fn schema_of(spec: &str) -> Arc<Schema> {
    let item = || Type::id("item");
    let client = || Type::id("client");
    let kinds = vec![
        Kind::truth("ClaimState")
            .key("item", item())
            .column("owner_id", client().optional())
            .column("expiry_at", Type::Time)
            .column("epoch", Type::ordinal("Epoch"))
            .column("status", Type::enumeration("status", &["FREE", "HELD"])),
        Kind::truth("Slot")
            .key("slot", Type::Int { lo: 0, hi: 99 })
            .column("holder", client().optional())
            .scanned(),
        Kind::truth("Left").key("item", item()).column("set", Type::Bool),
        Kind::truth("Right").key("item", item()).column("set", Type::Bool),
        Kind::local("client").column("my_epoch", Type::ordinal("Epoch")),
        everything(),
        Kind::truth("Counter").column("value", Type::Int { lo: 0, hi: 1_000_000 }),
    ];
    Arc::new(Schema::new(spec, kinds).expect("the sample's names are good"))
}

fn everything() -> Kind {
    let set = |of: Type, max| Type::Set { of: Box::new(of), max };
    let point = Type::record(
        "point",
        vec![
            Field { name: "x".into(), ty: Type::Int { lo: -9, hi: 9 } },
            Field { name: "by".into(), ty: Type::id("client").optional() },
        ],
    );
    let message = Type::Union(Arc::new(UnionType {
        name: "message".into(),
        variants: vec![
            Variant { name: "Empty".into(), fields: Vec::new() },
            Variant {
                name: "Vote".into(),
                fields: vec![Field { name: "term".into(), ty: Type::ordinal("Term") }],
            },
        ],
    }));
    Kind::truth("Everything")
        .column("flag", Type::Bool)
        .column("maybe", Type::Bool.optional())
        .column("tri", Type::tri())
        .column("small", Type::Int { lo: -3, hi: 3 })
        .column("wide", Type::Int { lo: i64::MIN, hi: i64::MAX })
        .column("rank", Type::ordinal("Term").optional())
        .column("at", Type::Time)
        .column("order", Type::id("client"))
        .column("votes", set(Type::id("client"), None))
        .column("table", Type::Map { key: Box::new(Type::id("client")), value: Box::new(point.clone()) })
        .column("log", Type::Seq { of: Box::new(message), max: 4 })
        .column("point", point)
        .column("sets", set(set(Type::Bool, None), Some(3)))
}

/// A row of `Everything` with awkward values.
#[must_use]
pub fn everything_row() -> Row {
    let id = Value::id;
    let point = |x, by| Value::Record(vec![Value::Int(x), by]);
    vec![
        Value::Bool(true),
        Value::Null,
        Value::constant("unknown"),
        Value::Int(-3),
        Value::Int(i64::MIN),
        Value::Ordinal(crate::value::MAX_ORDINAL),
        Value::Time(Instant::PAST),
        id("'; drop table claim_state; -- \"%/\\ ü🦀"),
        Value::Set([id("a"), id("b,c")].into()),
        Value::Map([(id("k"), point(9, Value::Null)), (id("\"q\""), point(-9, id("x")))].into()),
        Value::Seq(vec![
            Value::Variant("Vote".into(), vec![Value::Ordinal(3)]),
            Value::Variant("Empty".into(), Vec::new()),
        ]),
        point(0, id("z")),
        Value::Set(
            [Value::Set([].into()), Value::Set([Value::Bool(true), Value::Bool(false)].into())].into(),
        ),
    ]
}

/// A request to the sample, as its journal keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// `client[acquire {owner_id = null or expiry_at < now}]`
    Acquire {
        /// Of what.
        item: String,
        /// By whom.
        client: String,
    },
    /// `client[release {epoch = my_epoch}]`, handing the item over.
    Release {
        /// Of what.
        item: String,
        /// By whom.
        client: String,
    },
    /// `client[take {count Slot.holder present < SLOTS and Slot.holder = null}]`
    Take {
        /// Which slot.
        slot: i64,
        /// By whom.
        client: String,
    },
    /// `client[give {Slot.holder = self}]`
    Give {
        /// Which slot.
        slot: i64,
        /// By whom.
        client: String,
    },
    /// `client[left {not Right.set}]` toggles `Left.set`.
    Left {
        /// Of what.
        item: String,
    },
    /// `client[right {not Left.set}]` toggles `Right.set`.
    Right {
        /// Of what.
        item: String,
    },
    /// Adds one to the counter.
    Count,
    /// Writes the counter's value to the epoch of the owner of an item: a read through a read.
    Follow {
        /// Which item.
        item: String,
    },
}

impl Request {
    fn op(&self) -> &'static str {
        match self {
            Request::Acquire { .. } => "main.acquire",
            Request::Release { .. } => "main.release",
            Request::Take { .. } => "slots.take",
            Request::Give { .. } => "slots.give",
            Request::Left { .. } => "pair.left",
            Request::Right { .. } => "pair.right",
            Request::Count => "counter.count",
            Request::Follow { .. } => "main.follow",
        }
    }

    /// What it reads and writes.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Request::plan_of(self.op())
    }

    /// What the operation with this name reads and writes.
    #[must_use]
    pub fn plan_of(op: &str) -> Plan {
        let (scans, writes) = match op {
            "main.acquire" | "main.release" => (vec![], vec![CLAIM, CLIENT]),
            "slots.take" => (vec![SLOT], vec![SLOT]),
            "slots.give" => (vec![], vec![SLOT]),
            "pair.left" => (vec![], vec![LEFT]),
            "pair.right" => (vec![], vec![RIGHT]),
            "counter.count" => (vec![], vec![COUNTER]),
            _ => (vec![], vec![CLIENT]),
        };
        Plan { op: op.into(), scans, writes }
    }

    /// The rows that it reads, as far as they are known.
    #[must_use]
    pub fn keys(&self) -> Vec<RowKey> {
        match self {
            Request::Acquire { item, client } | Request::Release { item, client } => {
                vec![claim(item), local(client)]
            }
            Request::Take { .. } => Vec::new(),
            Request::Give { slot, .. } => vec![RowKey::new(SLOT, [Value::Int(*slot)])],
            Request::Left { item } | Request::Right { item } => vec![left(item), right(item)],
            Request::Count => vec![RowKey::single(COUNTER)],
            // The owner's row is known only when the claim has been read.
            Request::Follow { item } => vec![claim(item)],
        }
    }

    /// The transition function.
    #[must_use]
    pub fn step(&self) -> Step {
        match self.clone() {
            Request::Acquire { item, client } => Arc::new(move |s| acquire(s, &item, &client)),
            Request::Release { item, client } => Arc::new(move |s| release(s, &item, &client)),
            Request::Take { slot, client } => Arc::new(move |s| take(s, slot, &client)),
            Request::Give { slot, client } => Arc::new(move |s| give(s, slot, &client)),
            Request::Left { item } => Arc::new(move |s| toggle(s, &left(&item), &right(&item))),
            Request::Right { item } => Arc::new(move |s| toggle(s, &right(&item), &left(&item))),
            Request::Count => Arc::new(count),
            Request::Follow { item } => Arc::new(move |s| follow(s, &item)),
        }
    }

    /// The request as a transition.
    ///
    /// # Panics
    /// Never: requests can be JSON.
    #[must_use]
    pub fn transition(&self) -> Transition {
        let input = Json::of(self).expect("requests can be JSON");
        let meta = Meta {
            tx: TxId::fresh(),
            actor: "client".into(),
            id: "c0".into(),
            run: None,
            input,
            idempotency: None,
            trace: None,
        };
        Transition { plan: Arc::new(self.plan()), keys: self.keys(), meta, step: self.step() }
    }

    /// The request as a transition under an idempotency key.
    #[must_use]
    pub fn keyed(&self, key: IdempotencyKey) -> Transition {
        let mut transition = self.transition();
        transition.meta.idempotency = Some(key);
        transition
    }
}

/// The judge of the sample's journals: evaluates every step again.
pub fn judge() -> Replay<impl FnMut(&Entry) -> Option<(Arc<Plan>, Step)>> {
    Replay::new(schema(), |entry: &Entry| {
        let request: Request = entry.input.to().ok()?;
        (request.op() == entry.op).then(|| (Arc::new(request.plan()), request.step()))
    })
}

/// The row of an item's claim.
#[must_use]
pub fn claim(item: &str) -> RowKey {
    RowKey::new(CLAIM, [Value::id(item)])
}

/// The row of a client's locals.
#[must_use]
pub fn local(client: &str) -> RowKey {
    RowKey::new(CLIENT, [Value::id(client)])
}

fn left(item: &str) -> RowKey {
    RowKey::new(LEFT, [Value::id(item)])
}

fn right(item: &str) -> RowKey {
    RowKey::new(RIGHT, [Value::id(item)])
}

fn apply(writes: Vec<(RowKey, Row)>, outcome: &'static str) -> Effects {
    let (branch, messages, reply) = (None, Vec::new(), Json::null());
    Effects { writes, branch, outcome: outcome.into(), messages, reply }
}

fn deny(atom: &'static str) -> Decision {
    Decision::Deny(Denial { failed: vec![atom.into()], record: false })
}

struct Claim {
    owner: Value,
    expiry: Instant,
    epoch: u64,
}

fn read_claim(s: &Snapshot, item: &str) -> Claim {
    match s.get(&claim(item)).map(Vec::as_slice) {
        Some([owner, Value::Time(expiry), Value::Ordinal(epoch), _]) => {
            Claim { owner: owner.clone(), expiry: *expiry, epoch: *epoch }
        }
        _ => Claim { owner: Value::Null, expiry: Instant::PAST, epoch: 0 },
    }
}

fn claim_row(claim: &Claim) -> Row {
    let status = Value::constant(if claim.owner == Value::Null { "FREE" } else { "HELD" });
    vec![claim.owner.clone(), Value::Time(claim.expiry), Value::Ordinal(claim.epoch), status]
}

fn my_epoch(s: &Snapshot, client: &str) -> u64 {
    match s.get(&local(client)).map(Vec::as_slice) {
        Some([Value::Ordinal(epoch)]) => *epoch,
        _ => 0,
    }
}

fn acquire(s: &Snapshot, item: &str, client: &str) -> Decision {
    let before = read_claim(s, item);
    if before.owner != Value::Null && before.expiry >= s.now() {
        return deny("main.acquire#1");
    }
    let epoch = before.epoch + 1;
    let after = Claim { owner: Value::id(client), expiry: s.now().plus(Duration::from_millis(TTL)), epoch };
    let writes = vec![(claim(item), claim_row(&after)), (local(client), vec![Value::Ordinal(epoch)])];
    let branch = (before.owner != Value::Null).then(|| "lease_expired".into());
    let reply = Json::of(&serde_json::json!({ "epoch": epoch })).unwrap_or_else(|_| Json::null());
    Decision::Apply(Effects { branch, reply, ..apply(writes, "held") })
}

fn release(s: &Snapshot, item: &str, client: &str) -> Decision {
    let before = read_claim(s, item);
    let mine = my_epoch(s, client);
    if before.epoch != mine || before.owner != Value::id(client) {
        return deny("main.release#1");
    }
    let after = Claim { owner: Value::Null, ..before };
    let fence = Some(FencingToken { resource: format!("ClaimState/{item}"), epoch: after.epoch });
    let payload = Json::of(&item).unwrap_or_else(|_| Json::null());
    let message = Message { target: "audit.released".into(), payload, delay: Duration::ZERO, fence };
    Decision::Apply(Effects {
        messages: vec![message],
        ..apply(vec![(claim(item), claim_row(&after))], "done")
    })
}

fn take(s: &Snapshot, slot: i64, client: &str) -> Decision {
    let taken = s.all(SLOT).filter(|(_, row)| row[0] != Value::Null).count();
    let row = RowKey::new(SLOT, [Value::Int(slot)]);
    if taken >= SLOTS {
        return deny("slots.take#1");
    }
    if s.get(&row).is_some_and(|row| row[0] != Value::Null) {
        return deny("slots.take#2");
    }
    Decision::Apply(apply(vec![(row, vec![Value::id(client)])], "taken"))
}

fn give(s: &Snapshot, slot: i64, client: &str) -> Decision {
    let row = RowKey::new(SLOT, [Value::Int(slot)]);
    if s.get(&row).is_none_or(|row| row[0] != Value::id(client)) {
        return deny("slots.give#1");
    }
    Decision::Apply(apply(vec![(row, vec![Value::Null])], "done"))
}

fn toggle(s: &Snapshot, mine: &RowKey, other: &RowKey) -> Decision {
    let is_set = |row| s.get(row).is_some_and(|row| row[0] == Value::Bool(true));
    let (mine_set, other_set) = (is_set(mine), is_set(other));
    if other_set && !mine_set {
        return deny("pair#1");
    }
    Decision::Apply(apply(vec![(mine.clone(), vec![Value::Bool(!mine_set)])], "done"))
}

fn count(s: &Snapshot) -> Decision {
    let row = RowKey::single(COUNTER);
    let value = match s.get(&row).map(Vec::as_slice) {
        Some([Value::Int(n)]) => *n,
        _ => 0,
    };
    Decision::Apply(apply(vec![(row, vec![Value::Int(value + 1)])], "done"))
}

fn follow(s: &Snapshot, item: &str) -> Decision {
    let Value::Id(owner) = read_claim(s, item).owner else {
        return deny("main.follow#1");
    };
    let epoch = my_epoch(s, &owner);
    Decision::Apply(apply(vec![(local(&owner), vec![Value::Ordinal(epoch)])], "done"))
}
