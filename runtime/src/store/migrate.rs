//! From the tables of one version of a spec to those of the next. Only what no row can contradict is done by itself: new kinds, new
//! optional attributes, types that allow more. Everything else is refused, with what it is: it needs a decision.

use crate::schema::{Kind, KindId, Schema};
use crate::value::{Field, Type};
use smol_str::SmolStr;

/// What is to be done, in the order of the new schema.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Migration {
    /// Kinds that get their first table.
    pub created: Vec<KindId>,
    /// Kinds whose table is written again.
    pub rebuilt: Vec<Rebuild>,
    /// All of it, for humans.
    pub changes: Vec<String>,
}

/// A table that is written again with other columns or bounds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rebuild {
    /// The kind.
    pub kind: KindId,
    /// The attributes that the old table has.
    pub carried: Vec<SmolStr>,
}

/// A change that cannot be made by itself.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// What leads from one schema to another.
///
/// # Errors
/// Every change that is refused.
pub fn plan(old: &Schema, new: &Schema) -> Result<Migration, Refused> {
    let mut migration = Migration::default();
    let mut refused = Vec::new();
    for (_, kind) in old.kinds() {
        if new.find(&kind.name).is_none() {
            refused.push(format!("{} is gone, and its rows would be", kind.name));
        }
    }
    for (id, kind) in new.kinds() {
        match old.find(&kind.name) {
            None => {
                migration.created.push(id);
                migration.changes.push(format!("new: {}", kind.name));
            }
            Some(before) => compare(old.kind(before), kind, id, &mut migration, &mut refused),
        }
    }
    if refused.is_empty() { Ok(migration) } else { Err(Refused(refused.join("; "))) }
}

/// A database of an earlier version of the spec, and what brings it to this one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Upgrade {
    from: SmolStr,
    pub(crate) migration: Migration,
}

impl Upgrade {
    /// From the schema that a database keeps.
    pub(crate) fn of(stored: &str, schema: &Schema) -> Result<Upgrade, String> {
        let old = Schema::from_json(stored).map_err(|e| format!("its schema cannot be read: {e}"))?;
        let from = old.spec().clone();
        match plan(&old, schema) {
            Ok(migration) => Ok(Upgrade { from, migration }),
            Err(Refused(why)) => Err(format!(
                "it is for spec {from}, this service is for {}, and there is no way from one to the other: {why}",
                schema.spec()
            )),
        }
    }

    /// Why the database is not opened as it is.
    pub(crate) fn wanted(&self, schema: &Schema) -> String {
        let changes = if self.migration.changes.is_empty() {
            "the tables stay as they are".into()
        } else {
            self.migration.changes.join("; ")
        };
        let (from, to) = (&self.from, schema.spec());
        format!("it is for spec {from}, this service is for {to}: `migrate` brings it there ({changes})")
    }

    /// The earlier versions of the spec once it is done.
    pub(crate) fn earlier(&self, before: Option<&str>) -> Vec<SmolStr> {
        let mut earlier = earlier_of(before);
        earlier.push(self.from.clone());
        earlier
    }
}

/// The list of earlier versions, as databases keep it.
pub(crate) fn earlier_of(text: Option<&str>) -> Vec<SmolStr> {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The same as text.
pub(crate) fn earlier_text(earlier: &[SmolStr]) -> String {
    serde_json::to_string(earlier).expect("a list of texts")
}

fn compare(old: &Kind, new: &Kind, id: KindId, migration: &mut Migration, refused: &mut Vec<String>) {
    let name = &new.name;
    if old.class != new.class {
        refused.push(format!("{name} is another sort of thing"));
    }
    if old.keys != new.keys {
        refused.push(format!("{name} has other keys"));
    }
    let mut changes = Vec::new();
    for column in &old.columns {
        if !new.columns.iter().any(|c| c.name == column.name) {
            refused.push(format!("{name}.{} is gone, and its values would be", column.name));
        }
    }
    for column in &new.columns {
        match old.columns.iter().find(|c| c.name == column.name) {
            Some(before) if before.ty == column.ty => {}
            Some(before) if widens(&before.ty, &column.ty) => {
                let (from, to) = (before.ty.describe(), column.ty.describe());
                changes.push(format!("{name}.{}: {from} → {to}", column.name));
            }
            Some(before) => {
                let (from, to) = (before.ty.describe(), column.ty.describe());
                refused.push(format!("{name}.{} was {from}, which {to} does not allow", column.name));
            }
            None if matches!(column.ty, Type::Optional(_)) => {
                changes.push(format!("new: {name}.{}, null in rows that there are", column.name));
            }
            None => refused.push(format!(
                "{name}.{} is new and has no value in rows that there are: only an optional attribute can be added",
                column.name
            )),
        }
    }
    if !changes.is_empty() {
        let carried = old.columns.iter().map(|c| c.name.clone()).collect();
        migration.rebuilt.push(Rebuild { kind: id, carried });
        migration.changes.extend(changes);
    }
}

/// Whether every value of one type is, in the same form, a value of the other.
fn widens(old: &Type, new: &Type) -> bool {
    match (old, new) {
        (old, new) if old == new => true,
        (Type::Optional(old), Type::Optional(new)) => widens(old, new),
        (old, Type::Optional(new)) => widens(old, new),
        (Type::Int { lo, hi }, Type::Int { lo: lower, hi: higher }) => lower <= lo && hi <= higher,
        (Type::Enum(old), Type::Enum(new)) => old.constants.iter().all(|c| new.constants.contains(c)),
        (Type::Set { of, max }, Type::Set { of: wider, max: more }) => {
            widens(of, wider) && more.is_none_or(|more| max.is_some_and(|max| max <= more))
        }
        (Type::Seq { of, max }, Type::Seq { of: wider, max: more }) => widens(of, wider) && max <= more,
        (Type::Map { key, value }, Type::Map { key: keys, value: values }) => {
            widens(key, keys) && widens(value, values)
        }
        (Type::Record(old), Type::Record(new)) => all_widen(&old.fields, &new.fields),
        (Type::Union(old), Type::Union(new)) => old.variants.iter().all(|variant| {
            let now = new.variants.iter().find(|v| v.name == variant.name);
            now.is_some_and(|now| all_widen(&variant.fields, &now.fields))
        }),
        _ => false,
    }
}

/// Values within others are stored as JSON, in which every field must be.
fn all_widen(old: &[Field], new: &[Field]) -> bool {
    let same = |(a, b): (&Field, &Field)| a.name == b.name && widens(&a.ty, &b.ty);
    old.len() == new.len() && old.iter().zip(new).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(columns: &[(&str, Type)]) -> Schema {
        let claim = Kind::truth("Claim").key("item", Type::id("item"));
        let claim = columns.iter().fold(claim, |kind, (name, ty)| kind.column(name, ty.clone()));
        Schema::new("s", vec![claim]).expect("a schema")
    }

    const SMALL: Type = Type::Int { lo: 0, hi: 9 };

    #[test]
    fn what_no_row_contradicts_is_done() {
        let old = schema(&[("n", SMALL), ("who", Type::id("client"))]);
        let more = [("who", Type::id("client").optional()), ("n", Type::Int { lo: -1, hi: 9 })];
        let new = schema(&[&more[..], &[("note", Type::Bool.optional())]].concat());
        let migration = plan(&old, &new).expect("it can be done");
        assert_eq!(migration.rebuilt[0].carried, ["n", "who"]);
        assert_eq!(migration.changes.len(), 3, "{:?}", migration.changes);
        assert_eq!(plan(&old, &old), Ok(Migration::default()));
        let two = Schema::new("t", vec![old.kind(KindId(0)).clone(), Kind::truth("New")]).expect("a schema");
        assert_eq!(plan(&old, &two).expect("it can be done").created, [KindId(1)]);
    }

    #[test]
    fn what_rows_may_contradict_is_refused() {
        let old = schema(&[("n", SMALL), ("who", Type::id("client").optional())]);
        let refused = |columns: &[(&str, Type)]| plan(&old, &schema(columns)).expect_err("it is refused").0;
        let who = || ("who", Type::id("client").optional());
        assert!(refused(&[who()]).contains("Claim.n is gone"));
        assert!(refused(&[who(), ("n", Type::Int { lo: 0, hi: 8 })]).contains("Claim.n was"));
        assert!(refused(&[("who", Type::id("client")), ("n", SMALL)]).contains("Claim.who was"));
        assert!(refused(&[who(), ("n", SMALL), ("new", Type::Bool)]).contains("only an optional attribute"));
        let other = Schema::new("t", vec![Kind::truth("Other")]).expect("a schema");
        assert!(plan(&old, &other).expect_err("it is refused").0.contains("Claim is gone"));
        let keys =
            Kind::truth("Claim").key("item", Type::id("thing")).column("n", SMALL).column("who", who().1);
        let keys = Schema::new("t", vec![keys]).expect("a schema");
        assert!(plan(&old, &keys).expect_err("it is refused").0.contains("other keys"));
    }
}
