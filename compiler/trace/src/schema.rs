//! What a service made from a program stores: the schema that its generated code has.

use arch_codegen::{ColumnOf, KindOf, Layout};
use arch_ir::{Field, Program, ProtocolId, Type};
use arch_runtime::schema::SchemaError;
use arch_runtime::value::{self as rt, RecordType, UnionType};
use arch_runtime::{Kind, KindClass, Schema};
use std::sync::Arc;

/// The stored kinds of a layout, ghost truth left out.
///
/// # Errors
/// Names that no database takes.
pub fn schema(program: &Program, layout: &Layout, spec: &str) -> Result<Arc<Schema>, SchemaError> {
    let stored = layout.kinds.iter().take(layout.stored);
    Schema::new(spec, stored.map(|kind| kind_of(program, layout, kind)).collect()).map(Arc::new)
}

fn kind_of(program: &Program, layout: &Layout, kind: &arch_codegen::Kind) -> Kind {
    let start = match kind.of {
        KindOf::Truth(_) => Kind::truth(&kind.name),
        KindOf::Run(_) => Kind::run(&kind.name),
        KindOf::Local(_) => Kind { class: KindClass::Local, ..Kind::truth(&kind.name) },
    };
    let keyed = kind.keys.iter().fold(start, |k, key| k.key(&key.name, type_of(program, &key.ty)));
    kind.columns.iter().fold(keyed, |k, column| {
        let ty = match (column.of, kind.of) {
            (ColumnOf::Status, KindOf::Run(id)) => status(layout, id),
            _ => type_of(program, &column.ty),
        };
        k.column(&column.name, ty)
    })
}

fn status(layout: &Layout, id: ProtocolId) -> rt::Type {
    let words: Vec<&str> = layout.protocol(id).statuses.iter().map(|s| s.word.as_str()).collect();
    rt::Type::enumeration("status", &words)
}

/// A type as stores and traces know it.
#[must_use]
pub fn type_of(program: &Program, ty: &Type) -> rt::Type {
    let inner = |ty: &Type| Box::new(type_of(program, ty));
    match ty {
        Type::Int(int) => rt::Type::Int { lo: int.lo, hi: int.hi },
        Type::Enum(id) => {
            let declared = &program.enums[*id];
            let constants: Vec<&str> = declared.constants.iter().map(String::as_str).collect();
            rt::Type::enumeration(&declared.name, &constants)
        }
        Type::Id(id) => rt::Type::id(&program.sorts[*id].name),
        Type::Optional(of) => type_of(program, of).optional(),
        Type::Ordinal(id) => rt::Type::ordinal(&program.ordinals[*id].name),
        Type::Time => rt::Type::Time,
        Type::Set(of, max) => rt::Type::Set { of: inner(of), max: *max },
        Type::Map(key, value) => rt::Type::Map { key: inner(key), value: inner(value) },
        Type::Seq(of, max) => rt::Type::Seq { of: inner(of), max: *max },
        Type::Record(id) => {
            let declared = &program.records[*id];
            let fields = fields(program, &declared.fields);
            rt::Type::Record(Arc::new(RecordType { name: declared.name.as_str().into(), fields }))
        }
        Type::Union(id) => {
            let declared = &program.unions[*id];
            let variants = declared
                .variants
                .iter()
                .map(|v| rt::Variant { name: v.name.as_str().into(), fields: fields(program, &v.fields) });
            let name = declared.name.as_str().into();
            rt::Type::Union(Arc::new(UnionType { name, variants: variants.collect() }))
        }
        // The others are never stored: the layout refuses them.
        Type::Bool | Type::Run(_) | Type::Null | Type::Unknown => rt::Type::Bool,
    }
}

fn fields(program: &Program, fields: &[Field]) -> Vec<rt::Field> {
    let field = |f: &Field| rt::Field { name: f.name.as_str().into(), ty: type_of(program, &f.ty) };
    fields.iter().map(field).collect()
}
