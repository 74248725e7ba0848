//! The sample as a service: what generated code supplies to be served.

use super::sample::{self, Request};
use crate::handover::NoTurn;
use crate::journal::Entry;
use crate::schema::Schema;
use crate::service::{
    Call, Class, Guard, HandlerError, Hosted, Method, Operation, Outcome, Prepared, Release, Rpc, Service,
};
use crate::store::{Json, Plan, Step, Versioned};
use crate::value::{Field, RowKey, Type, Value};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Duration;

/// The sample's OpenAPI document.
const OPENAPI: &str = r#"{"openapi":"3.1.0","info":{"title":"sample","version":"0.1.0"},"paths":{}}"#;

/// The sample's gRPC methods.
const RPC: Rpc = Rpc {
    proto: "syntax = \"proto3\";\npackage sample.v1;\n",
    methods: &[
        method("main.acquire", "/sample.v1.Main/Acquire", &["held"]),
        method("main.release", "/sample.v1.Main/Release", &["done"]),
        method("slots.take", "/sample.v1.Slots/Take", &["taken", "later", "retry"]),
        method("slots.give", "/sample.v1.Slots/Give", &["done"]),
        method("pair.left", "/sample.v1.Pair/Left", &["done"]),
        method("pair.right", "/sample.v1.Pair/Right", &["done"]),
        method("counter.count", "/sample.v1.Counter/Count", &["done"]),
        method("main.follow", "/sample.v1.Main/Follow", &["done"]),
    ],
};

const fn method(op: &'static str, path: &'static str, outcomes: &'static [&'static str]) -> Method {
    Method { op, path, outcomes }
}

/// The sample as a service.
#[must_use]
pub fn service() -> Service {
    service_of(sample::schema())
}

/// The sample for a schema (see [`sample::schema_of`]).
#[must_use]
pub fn service_of(schema: Arc<Schema>) -> Service {
    let item = || field("item", Type::id("item"));
    let slot = || field("slot", Type::Int { lo: 0, hi: 99 });
    let operations = vec![
        operation("main.acquire", vec![item()], |call| {
            Ok(Request::Acquire { item: text(call, 0)?, client: call.id.to_string() })
        }),
        operation("main.release", vec![item()], |call| {
            Ok(Request::Release { item: text(call, 0)?, client: call.id.to_string() })
        }),
        operation("slots.take", vec![slot()], |call| {
            Ok(Request::Take { slot: number(call, 0)?, client: call.id.to_string() })
        }),
        operation("slots.give", vec![slot()], |call| {
            Ok(Request::Give { slot: number(call, 0)?, client: call.id.to_string() })
        }),
        operation("pair.left", vec![item()], |call| Ok(Request::Left { item: text(call, 0)? })),
        operation("pair.right", vec![item()], |call| Ok(Request::Right { item: text(call, 0)? })),
        operation("counter.count", vec![], |_| Ok(Request::Count)),
        operation("main.follow", vec![item()], |call| Ok(Request::Follow { item: text(call, 0)? })),
    ];
    Service {
        name: "sample".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        schema,
        operations,
        guards: guards(),
        openapi: OPENAPI,
        rpc: cfg!(feature = "grpc").then_some(RPC),
        steps: Arc::new(steps),
        initial: Arc::new(|_| None),
        releases: vec![Release {
            op: "main.release".into(),
            rows: sample::CLAIM,
            asking: Arc::new(holder),
            owners: vec![(sample::CLAIM, 0)],
            only: true,
        }],
        hosted: Hosted::default(),
    }
}

/// Who holds a claim, and the request that gives it back.
fn holder(row: &RowKey, claim: &Versioned) -> Option<(SmolStr, Vec<Value>)> {
    match &claim.row[..] {
        [Value::Id(owner), ..] => Some((owner.clone(), row.key.to_vec())),
        _ => None,
    }
}

fn steps(entry: &Entry) -> Option<(Arc<Plan>, Step)> {
    let request: Request = entry.input.to().ok()?;
    let plan = request.plan();
    (plan.op == entry.op).then(|| (Arc::new(plan), request.step()))
}

fn guards() -> Vec<Guard> {
    let guard = |(id, text): (&str, &str)| Guard { id: id.into(), text: text.into() };
    let texts = [
        ("main.acquire#1", "ClaimState.owner_id = null or ClaimState.expiry_at < now"),
        ("main.release#1", "ClaimState.epoch = my_epoch and ClaimState.owner_id = self"),
        ("slots.take#1", "count Slot.holder present < 2"),
        ("slots.take#2", "Slot.holder = null"),
        ("slots.give#1", "Slot.holder = self"),
        ("pair#1", "not both set"),
        ("main.follow#1", "ClaimState.owner_id present"),
    ];
    texts.into_iter().map(guard).collect()
}

fn field(name: &str, ty: Type) -> Field {
    Field { name: name.into(), ty }
}

fn operation(
    name: &'static str,
    request: Vec<Field>,
    read: impl Fn(&Call) -> Result<Request, HandlerError> + Send + Sync + 'static,
) -> Operation {
    // What an operation reads and writes does not depend on the request: any will do.
    let plan = Arc::new(Request::plan_of(name));
    let epoch = Field { name: "epoch".into(), ty: Type::ordinal("Epoch") };
    let handler = move |call: &Call| {
        let request = read(call)?;
        let input = Json::of(&request).map_err(|e| HandlerError::internal(e.to_string()))?;
        Ok(Prepared { keys: request.keys(), run: None, input, step: request.step() })
    };
    Operation {
        name: name.into(),
        path: format!("/v1/{}", name.replace('.', "/")).into(),
        actor: "client".into(),
        request,
        reply: if name == "main.acquire" { vec![epoch] } else { Vec::new() },
        outcomes: vec![
            Outcome { name: "later".into(), class: Class::Requeue },
            Outcome { name: "retry".into(), class: Class::Retry { after: Duration::from_secs(1) } },
        ],
        plan,
        handler: Arc::new(handler),
        // The sample keeps no runs.
        turn: Err(NoTurn::Rule),
    }
}

fn text(call: &Call, index: usize) -> Result<String, HandlerError> {
    match call.request.get(index) {
        Some(Value::Id(text)) => Ok(text.to_string()),
        _ => Err(HandlerError::internal("a request that is not of its type")),
    }
}

fn number(call: &Call, index: usize) -> Result<i64, HandlerError> {
    match call.request.get(index) {
        Some(Value::Int(n)) => Ok(*n),
        _ => Err(HandlerError::internal("a request that is not of its type")),
    }
}
