//! Entries as JSON objects.
//!
//! A store keeps an entry's *body*: the object without `seq` and `tx`, which have columns of their own. A trace line is the whole.

use super::{Entry, Write};
use crate::schema::{KindId, Schema};
use crate::store::{Json, TxId};
use crate::time::Instant;
use crate::value::{Row, RowKey, RowSeed, TypedRow};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeTuple, Serializer};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::fmt;

/// The version of the format.
const VERSION: u64 = 1;

/// What an entry usually takes, in bytes: not more than this is taken for it at first.
const USUAL: usize = 512;

struct Body<'a>(&'a Entry, &'a Schema);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Body(entry, schema) = self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("v", &VERSION)?;
        map.serialize_entry("spec", &entry.spec)?;
        map.serialize_entry("now", &entry.now.millis())?;
        map.serialize_entry("actor", &entry.actor)?;
        map.serialize_entry("id", &entry.id)?;
        map.serialize_entry("op", &entry.op)?;
        if let Some(run) = &entry.run {
            map.serialize_entry("run", &run.text(schema))?;
        }
        if let Some(branch) = &entry.branch {
            map.serialize_entry("branch", branch)?;
        }
        if !entry.input.is_null() {
            map.serialize_entry("in", &entry.input)?;
        }
        map.serialize_entry("reads", &Reads(entry, schema))?;
        match &entry.denied {
            Some(failed) => map.serialize_entry("denied", failed)?,
            None => {
                map.serialize_entry("writes", &Writes(&entry.writes, schema))?;
                map.serialize_entry("out", &entry.outcome)?;
            }
        }
        if !entry.next.is_empty() {
            map.serialize_entry("next", &entry.next)?;
        }
        if let Some(trace_id) = &entry.trace_id {
            map.serialize_entry("trace_id", trace_id)?;
        }
        map.end()
    }
}

/// `[row, version]` for rows, then `[kind, sum, "all"]` for kinds read as a whole.
struct Reads<'a>(&'a Entry, &'a Schema);

impl Serialize for Reads<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut seq = to.serialize_seq(Some(self.0.reads.len() + self.0.scans.len()))?;
        for (row, version) in &self.0.reads {
            seq.serialize_element(&(row.text(self.1), version))?;
        }
        for (kind, sum) in &self.0.scans {
            seq.serialize_element(&(&self.1.kind(*kind).name, sum, "all"))?;
        }
        seq.end()
    }
}

struct Writes<'a>(&'a [Write], &'a Schema);

impl Serialize for Writes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(|w| OneWrite(w, self.1)))
    }
}

struct OneWrite<'a>(&'a Write, &'a Schema);

impl Serialize for OneWrite<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let OneWrite(write, schema) = self;
        let mut tuple = to.serialize_tuple(3)?;
        tuple.serialize_element(&write.row.text(schema))?;
        tuple.serialize_element(&write.version)?;
        tuple.serialize_element(&TypedRow(schema.kind(write.row.kind), &write.values))?;
        tuple.end()
    }
}

impl Entry {
    /// The entry as a store keeps it: without `seq` and `tx`.
    ///
    /// # Errors
    /// A written row is not of its kind.
    pub fn body(&self, schema: &Schema) -> serde_json::Result<String> {
        let mut text = Vec::with_capacity(USUAL);
        serde_json::to_writer(&mut text, &Body(self, schema))?;
        String::from_utf8(text).map_err(serde::ser::Error::custom)
    }

    /// The entry as a line of a trace, from its body.
    #[must_use]
    pub fn line(seq: u64, tx: TxId, body: &str) -> String {
        format!("{{\"seq\":{seq},\"tx\":\"{tx}\",{}", body.strip_prefix('{').unwrap_or(body))
    }

    /// Reads a line of a trace.
    ///
    /// # Errors
    /// It is not JSON, not of this format and version, or does not fit the schema.
    pub fn from_line(line: &str, schema: &Schema) -> serde_json::Result<Entry> {
        let mut from = serde_json::Deserializer::from_str(line);
        let entry = EntrySeed { schema, place: None }.deserialize(&mut from)?;
        from.end()?;
        Ok(entry)
    }

    /// Reads what a store keeps.
    ///
    /// # Errors
    /// As for [`Entry::from_line`].
    pub fn from_body(seq: u64, tx: TxId, body: &str, schema: &Schema) -> serde_json::Result<Entry> {
        let mut from = serde_json::Deserializer::from_str(body);
        let entry = EntrySeed { schema, place: Some((seq, tx)) }.deserialize(&mut from)?;
        from.end()?;
        Ok(entry)
    }
}

struct EntrySeed<'a> {
    schema: &'a Schema,
    place: Option<(u64, TxId)>,
}

impl<'de> DeserializeSeed<'de> for EntrySeed<'_> {
    type Value = Entry;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Entry, D::Error> {
        from.deserialize_map(self)
    }
}

impl EntrySeed<'_> {
    /// A hash of a spec: nearly always the schema's, which is too long to be copied for each entry.
    fn spec(&self, text: &str) -> SmolStr {
        let own = self.schema.spec();
        if own == text { own.clone() } else { text.into() }
    }
}

/// The members of an entry, while they are read.
#[derive(Default)]
struct Members {
    v: Option<u64>,
    spec: Option<SmolStr>,
    seq: Option<u64>,
    tx: Option<TxId>,
    now: Option<Instant>,
    actor: Option<SmolStr>,
    id: Option<SmolStr>,
    op: Option<SmolStr>,
    run: Option<RowKey>,
    branch: Option<SmolStr>,
    input: Option<Json>,
    reads: Option<ReadList>,
    writes: Option<Vec<Write>>,
    outcome: Option<SmolStr>,
    denied: Option<Vec<SmolStr>>,
    next: Option<Vec<SmolStr>>,
    trace_id: Option<SmolStr>,
}

impl<'de> Visitor<'de> for EntrySeed<'_> {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a journal entry")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Entry, A::Error> {
        let mut m = Members::default();
        while let Some(Text(name)) = from.next_key()? {
            let name = &*name;
            match name {
                "v" => once(&mut m.v, name, from.next_value()?)?,
                "spec" => once(&mut m.spec, name, self.spec(&from.next_value::<Text>()?.0))?,
                "seq" => once(&mut m.seq, name, from.next_value()?)?,
                "tx" => once(&mut m.tx, name, tx(&from.next_value::<Text>()?.0)?)?,
                "now" => once(&mut m.now, name, instant(from.next_value()?)?)?,
                "actor" => once(&mut m.actor, name, from.next_value()?)?,
                "id" => once(&mut m.id, name, from.next_value()?)?,
                "op" => once(&mut m.op, name, from.next_value()?)?,
                "run" => once(&mut m.run, name, from.next_value_seed(RowKeySeed(self.schema))?)?,
                "branch" => once(&mut m.branch, name, from.next_value()?)?,
                "in" => once(&mut m.input, name, from.next_value()?)?,
                "reads" => once(&mut m.reads, name, from.next_value_seed(ReadsSeed(self.schema))?)?,
                "writes" => once(&mut m.writes, name, from.next_value_seed(WritesSeed(self.schema))?)?,
                "out" => once(&mut m.outcome, name, from.next_value()?)?,
                "denied" => once(&mut m.denied, name, from.next_value()?)?,
                "next" => once(&mut m.next, name, from.next_value()?)?,
                "trace_id" => once(&mut m.trace_id, name, from.next_value()?)?,
                // Members that later versions may add must not change the meaning of these.
                _ => drop(from.next_value::<IgnoredAny>()?),
            }
        }
        m.finish(self.place)
    }
}

impl Members {
    fn finish<E: Error>(self, place: Option<(u64, TxId)>) -> Result<Entry, E> {
        if need(self.v, "v")? != VERSION {
            return Err(E::custom("an entry of another version of the format"));
        }
        let (seq, tx) = match place {
            Some(place) => place,
            None => (need(self.seq, "seq")?, need(self.tx, "tx")?),
        };
        let (writes, outcome) = match (&self.denied, self.writes, self.outcome) {
            (None, writes, outcome) => (need(writes, "writes")?, need(outcome, "out")?),
            (Some(_), None, None) => Default::default(),
            (Some(_), ..) => return Err(E::custom("a denied operation that wrote")),
        };
        let reads = need(self.reads, "reads")?;
        Ok(Entry {
            spec: need(self.spec, "spec")?,
            seq,
            tx,
            now: need(self.now, "now")?,
            actor: need(self.actor, "actor")?,
            id: need(self.id, "id")?,
            op: need(self.op, "op")?,
            run: self.run,
            branch: self.branch,
            input: self.input.unwrap_or_else(Json::null),
            reads: reads.rows,
            scans: reads.scans,
            writes,
            outcome,
            denied: self.denied,
            next: self.next.unwrap_or_default(),
            trace_id: self.trace_id,
        })
    }
}

fn once<T, E: Error>(member: &mut Option<T>, name: &str, value: T) -> Result<(), E> {
    match member.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom(format_args!("`{name}` is given twice"))),
    }
}

fn need<T, E: Error>(member: Option<T>, name: &str) -> Result<T, E> {
    member.ok_or_else(|| E::custom(format_args!("`{name}` is missing")))
}

fn tx<E: Error>(text: &str) -> Result<TxId, E> {
    TxId::parse(text).ok_or_else(|| E::custom("`tx` is not a transaction id"))
}

fn instant<E: Error>(millis: i64) -> Result<Instant, E> {
    Instant::checked(millis).ok_or_else(|| E::custom("`now` is out of range"))
}

/// Text, borrowed unless it has escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text<'de>, D::Error> {
        from.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

struct RowKeySeed<'a>(&'a Schema);

impl<'de> DeserializeSeed<'de> for RowKeySeed<'_> {
    type Value = RowKey;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<RowKey, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for RowKeySeed<'_> {
    type Value = RowKey;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RowKey, E> {
        RowKey::parse(text, self.0).map_err(E::custom)
    }
}

#[derive(Default)]
struct ReadList {
    rows: Vec<(RowKey, u64)>,
    scans: Vec<(KindId, u64)>,
}

struct ReadsSeed<'a>(&'a Schema);

impl<'de> DeserializeSeed<'de> for ReadsSeed<'_> {
    type Value = ReadList;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<ReadList, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ReadsSeed<'_> {
    type Value = ReadList;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of reads")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<ReadList, A::Error> {
        let mut list = ReadList::default();
        while let Some(read) = from.next_element_seed(ReadSeed(self.0))? {
            match read {
                Read::Row(row, version) => list.rows.push((row, version)),
                Read::Scan(kind, sum) => list.scans.push((kind, sum)),
            }
        }
        Ok(list)
    }
}

enum Read {
    Row(RowKey, u64),
    Scan(KindId, u64),
}

struct ReadSeed<'a>(&'a Schema);

impl<'de> DeserializeSeed<'de> for ReadSeed<'_> {
    type Value = Read;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Read, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ReadSeed<'_> {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("[row, version] or [kind, sum, \"all\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Read, A::Error> {
        let short = || Error::custom("a read without a version");
        let Text(name) = from.next_element()?.ok_or_else(short)?;
        let version = from.next_element::<u64>()?.ok_or_else(short)?;
        match from.next_element::<Text>()? {
            None => RowKey::parse(&name, self.0).map(|row| Read::Row(row, version)).map_err(Error::custom),
            Some(Text(form)) if form == "all" => match self.0.find(&name) {
                Some(kind) => Ok(Read::Scan(kind, version)),
                None => Err(Error::custom(format_args!("no kind is called `{name}`"))),
            },
            Some(_) => Err(Error::custom("a read of an unknown form")),
        }
    }
}

struct WritesSeed<'a>(&'a Schema);

impl<'de> DeserializeSeed<'de> for WritesSeed<'_> {
    type Value = Vec<Write>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<Write>, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for WritesSeed<'_> {
    type Value = Vec<Write>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of writes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<Write>, A::Error> {
        let mut writes = Vec::new();
        while let Some(write) = from.next_element_seed(WriteSeed(self.0))? {
            writes.push(write);
        }
        Ok(writes)
    }
}

struct WriteSeed<'a>(&'a Schema);

impl<'de> DeserializeSeed<'de> for WriteSeed<'_> {
    type Value = Write;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Write, D::Error> {
        from.deserialize_tuple(3, self)
    }
}

impl<'de> Visitor<'de> for WriteSeed<'_> {
    type Value = Write;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("[row, version, attributes]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Write, A::Error> {
        let short = || Error::custom("a write that is not complete");
        let row = from.next_element_seed(RowKeySeed(self.0))?.ok_or_else(short)?;
        let version = from.next_element()?.ok_or_else(short)?;
        let kind = self.0.kind(row.kind);
        let values: Option<Row> = from
            .next_element_seed(RowSeed(kind))
            .map_err(|e| Error::custom(format_args!("{}: {e}", row.text(self.0))))?;
        Ok(Write { row, version, values: values.ok_or_else(short)? })
    }
}
