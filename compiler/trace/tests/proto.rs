//! The `.proto` file and the messages that the runtime reads and writes agree, for types of every kind: what the one writes, the
//! other reads, whole.

use arch_base::{FileId, SourceMap};
use arch_codegen::{Code, Layout, Origin, Transport, generate};
use arch_ir::Program;
use arch_runtime::value::proto::{Message, number};
use arch_runtime::value::{Field, Row, Type, Value};
use arch_trace::type_of;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use std::collections::BTreeSet;

const SPEC: &str = "\
enum Color { RED, deep_blue }
record Point { x: 0..9, label: tag? }
one of Shape { Dot, Line(from: Point, to: Point) }
id tag * 2
ordinal Epoch
truth Board { n: 0..9 }
actor painter
protocol main for each painter, repeats {
  any b: bool
  any number: -5..5
  any who: tag
  any color: Color
  any where_to: Point
  any shape: Shape
  any colors: set of Color
  any steps: seq of tag max 3
  any maybe: seq of 0..2? max 2
  any per: map Color -> 0..9
  var at: time
  var drawn: Shape?
  var term: Epoch
  painter[draw] => done
}
on draw { Board.n := 1; at := now }
";

fn program(text: &str) -> (Program, Code) {
    let module = arch_grammar::parse(FileId(0), text).unwrap_or_else(|e| panic!("{e:?}"));
    let analysis = arch_sema::analyze(&module, &arch_sema::Options::default());
    let program = analysis.program.unwrap_or_else(|| panic!("{:?}", analysis.diagnostics));
    let mut sources = SourceMap::default();
    sources.add("board.arch", text.to_owned());
    let origin = Origin { tool: "t".into(), spec: "board.arch".into(), hash: "h".into(), tick: 1_000 };
    let code = generate(&program, &sources, &origin, Transport::Grpc);
    let code = code.unwrap_or_else(|refusals| panic!("{refusals:?}"));
    (program, code)
}

/// The file, compiled.
fn compiled(text: &str) -> DescriptorPool {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.proto");
    std::fs::write(&path, text).expect("written");
    let set = protox::compile([&path], [folder.path()]).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    DescriptorPool::from_file_descriptor_set(set).expect("it is whole")
}

/// Some values of a type: each alternative, and the bounds.
fn values(ty: &Type) -> Vec<Value> {
    match ty {
        Type::Bool => vec![Value::Bool(false), Value::Bool(true)],
        Type::Int { lo, hi } => vec![Value::Int(*lo), Value::Int(*hi), Value::Int(0.clamp(*lo, *hi))],
        Type::Time => vec![Value::time(0), Value::time(-1), Value::time(1 << 40)],
        Type::Ordinal(_) => vec![Value::Ordinal(0), Value::Ordinal(i64::MAX as u64)],
        Type::Id(_) => vec![Value::id("é"), Value::id("w1")],
        Type::Enum(e) => e.constants.iter().cloned().map(Value::Enum).collect(),
        Type::Optional(of) => [vec![Value::Null], values(of)].concat(),
        Type::Set { of, .. } => vec![Value::Set([].into()), Value::Set(values(of).into_iter().collect())],
        Type::Seq { of, max } => {
            vec![Value::Seq(vec![]), Value::Seq(values(of).into_iter().take(*max as usize).collect())]
        }
        Type::Map { key, value } => {
            let pairs = values(key).into_iter().zip(values(value).into_iter().cycle());
            vec![Value::Map([].into()), Value::Map(pairs.collect())]
        }
        Type::Record(r) => rows(&r.fields).into_iter().map(Value::Record).collect(),
        Type::Union(u) => {
            let variant = |v: &arch_runtime::value::Variant| {
                rows(&v.fields).into_iter().map(|row| Value::Variant(v.name.clone(), row)).collect::<Vec<_>>()
            };
            u.variants.iter().flat_map(variant).collect()
        }
    }
}

/// Rows in which each field has each of its values.
fn rows(fields: &[Field]) -> Vec<Row> {
    let all: Vec<Vec<Value>> = fields.iter().map(|f| values(&f.ty)).collect();
    let most = all.iter().map(Vec::len).max().unwrap_or(1);
    (0..most).map(|n| all.iter().map(|values| values[n % values.len()].clone()).collect()).collect()
}

/// How many rows were compared.
fn agree(descriptor: &MessageDescriptor, message: &Message, fields: &[Field]) -> usize {
    let declared: BTreeSet<String> = descriptor.fields().map(|f| f.name().to_owned()).collect();
    assert_eq!(declared, fields.iter().map(|f| f.name.to_string()).collect(), "{}", descriptor.name());
    let rows = rows(fields);
    for row in &rows {
        let mut bytes = Vec::new();
        message.write(row, &mut bytes).expect("it is of its types");
        let read =
            DynamicMessage::decode(descriptor.clone(), &*bytes).unwrap_or_else(|e| panic!("{row:?}: {e}"));
        // Unknown fields would be written, too: only what JSON has is known by name.
        let json = serde_json::to_value(&read).expect("JSON");
        let known: DynamicMessage = DynamicMessage::deserialize(descriptor.clone(), json).expect("it is one");
        assert_eq!(message.read(&known.encode_to_vec()).as_ref(), Ok(row), "{}", descriptor.name());
    }
    rows.len()
}

#[test]
fn the_file_is_what_is_read_and_written() {
    let (program, code) = program(SPEC);
    let layout = Layout::of(&program).expect("names");
    let proto = code.proto.as_ref().expect("it is asked for");
    let pool = compiled(&proto.text);
    let message = |name: &str| {
        pool.get_message_by_name(&format!("board.v1.{name}")).unwrap_or_else(|| panic!("{name}"))
    };
    let field = |name: &str, ty: Type| Field { name: name.into(), ty };
    let mut compared = 0;
    for op in code.actors.iter().flat_map(|actor| &actor.ops) {
        let method = proto.methods.iter().find(|m| m.op == op.name).expect("a method");
        let own = field("self", Type::id("painter").optional());
        let asked = op.keys.iter().filter(|a| !a.me).map(|a| field(&a.name, type_of(&program, &a.ty)));
        let optional = |ty: Type| if matches!(ty, Type::Optional(_)) { ty } else { ty.optional() };
        let open =
            op.open.iter().filter(|a| !a.me).map(|a| field(&a.name, optional(type_of(&program, &a.ty))));
        let rest: Vec<Field> = asked.chain(open).collect();
        let all: Vec<Field> = std::iter::once(own.clone()).chain(rest.iter().cloned()).collect();
        compared += agree(&message(&method.request), &Message::with_first(&own, &rest), &all);
        let reply = message(&method.reply);
        let outcome = reply.get_field(1).expect("outcome").kind();
        let words = outcome.as_enum().expect("an enum").values().map(|v| v.number()).collect::<Vec<_>>();
        let expected = method.outcomes.iter().map(|word| number(word) as i32);
        assert!(expected.clone().all(|n| words.contains(&n)) && words.len() == expected.count() + 1);
        assert_eq!([2, 3].map(|n| reply.get_field(n).expect("there").name().to_owned()), ["tx", "at"]);
    }
    let schema = arch_trace::schema(&program, &layout, "h").expect("names");
    let run = schema.kinds().map(|(_, kind)| kind).find(|kind| kind.name == "main").expect("a run");
    compared += agree(&message("Main"), &Message::of(&run.columns), &run.columns);
    assert!(compared > 6, "{compared}");
}
