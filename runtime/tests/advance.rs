//! What `advance` gives a service: one more than the value it advances, and, where the spec allows greater ones to be alive,
//! more than everything that is stored.

use arch_runtime::step::{Members, Source, Tx};
use arch_runtime::value::Row;
use arch_runtime::{Instant, Kind, KindId, RowKey, Schema, Type, Value};
use std::collections::BTreeMap;

const LEASE: KindId = KindId(0);
const RUN: KindId = KindId(1);

struct Rows(Schema, BTreeMap<RowKey, Row>);

impl Source for Rows {
    fn schema(&self) -> &Schema {
        &self.0
    }

    fn get(&self, row: &RowKey) -> Option<&Row> {
        self.1.get(row)
    }

    fn keys(&self, kind: KindId) -> Vec<Box<[Value]>> {
        self.1.keys().filter(|row| row.kind == kind).map(|row| row.key.clone()).collect()
    }

    fn now(&self) -> Instant {
        Instant::from_millis(0)
    }

    fn tick(&self) -> i64 {
        1_000
    }
}

/// A lease at epoch 3; a run that has seen 7, and, of another ordinal, 90.
fn rows() -> Rows {
    let lease = Kind::truth("Lease").column("epoch", Type::ordinal("Epoch"));
    let seen = Type::Set { of: Box::new(Type::ordinal("Epoch")), max: None };
    let run = Kind::run("main").key("worker", Type::id("worker")).column("seen", seen);
    let run = run.column("term", Type::ordinal("Term").optional());
    let schema = Schema::new("sha256:test", vec![lease, run]).expect("a schema");
    let seen = [5, 7].map(Value::Ordinal).into_iter().collect();
    let stored = [
        (RowKey::new(LEASE, []), vec![Value::Ordinal(3)]),
        (RowKey::new(RUN, [Value::id("w1")]), vec![Value::Set(seen), Value::Ordinal(90)]),
    ];
    Rows(schema, stored.into())
}

#[test]
fn it_is_one_more_where_nothing_greater_can_be_alive() {
    let (rows, members) = (rows(), Members::default());
    let mut tx = Tx::new(&rows, &members);
    assert_eq!(tx.advance("Epoch", Some(3), &[], &[]), 4);
    assert_eq!(tx.advance("Epoch", None, &[], &[]), 1);
    assert!(tx.excess().is_empty());
}

#[test]
fn it_is_more_than_all_that_is_stored_where_the_spec_allows_greater_ones() {
    let (rows, members) = (rows(), Members::default());
    let mut tx = Tx::new(&rows, &members);
    assert_eq!(tx.advance("Epoch", Some(3), &[], &[LEASE, RUN]), 8);
    assert_eq!(tx.advance("Epoch", Some(3), &[11], &[LEASE, RUN]), 12, "a variable of the step holds 11");
    tx.put(RowKey::new(LEASE, []), vec![Value::Ordinal(20)]);
    assert_eq!(tx.advance("Epoch", Some(3), &[], &[LEASE, RUN]), 21, "the step has written 20");
    assert!(tx.excess().is_empty());
}
