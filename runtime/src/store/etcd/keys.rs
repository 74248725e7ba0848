//! Which keys there are, below a service's prefix.
//!
//! | key | value |
//! |---|---|
//! | `meta` | whose keys these are: layout, spec, schema, earlier specs |
//! | `row/ClaimState/k1/` | a row with its version |
//! | `kind/Slot` | changed with every row of a kind that is read as a whole |
//! | `part` | the number of the present part of the journal |
//! | `journal/0…07/TX` | a journal entry |
//! | `tx/TX` | in which part its entry is, or that it was not committed when somebody asked |
//! | `reply/CALLER/KEY`, `expiry/WHEN/CALLER/KEY` | what was answered to an idempotency key, and until when it is kept |
//! | `message/TX/0…00`, `due/WHEN/TX/0…00` | a message, and when it may be taken |
//! | `dead/TX/0…00` | a message that was given up |

use super::gateway::Bin;
use crate::outbox::MessageId;
use crate::schema::{KindId, Schema};
use crate::store::{IdempotencyKey, TxId};
use crate::time::Instant;
use crate::value::{RowKey, Value, write_key_part};

/// What all keys of a service begin with; ends with `/`.
pub(super) struct Keys(pub(super) String);

impl Keys {
    pub(super) fn meta(&self) -> String {
        format!("{}meta", self.0)
    }

    /// Ends with `/`, as those of its kind do: no key of one kind begins like those of another.
    pub(super) fn row(&self, row: &RowKey, schema: &Schema) -> String {
        format!("{}row/{}/", self.0, row.text(schema))
    }

    pub(super) fn rows(&self, kind: KindId, schema: &Schema) -> String {
        format!("{}row/{}/", self.0, schema.kind(kind).name)
    }

    /// The row whose key this is.
    pub(super) fn row_of(&self, key: &Bin, schema: &Schema) -> Option<RowKey> {
        let text = key.text().ok()?.strip_prefix(&self.0)?.strip_prefix("row/")?.strip_suffix('/')?;
        RowKey::parse(text, schema).ok()
    }

    pub(super) fn kind(&self, kind: KindId, schema: &Schema) -> String {
        format!("{}kind/{}", self.0, schema.kind(kind).name)
    }

    pub(super) fn part(&self) -> String {
        format!("{}part", self.0)
    }

    pub(super) fn entries(&self, part: u64) -> String {
        format!("{}journal/{part:020}/", self.0)
    }

    pub(super) fn entry(&self, part: u64, tx: TxId) -> String {
        format!("{}{tx}", self.entries(part))
    }

    pub(super) fn tx(&self, tx: TxId) -> String {
        format!("{}tx/{tx}", self.0)
    }

    pub(super) fn reply(&self, key: &IdempotencyKey) -> String {
        format!("{}reply/{}", self.0, caller_and_key(key))
    }

    pub(super) fn expiry(&self, at: Instant, key: &IdempotencyKey) -> String {
        format!("{}expiry/{}/{}", self.0, sortable(at), caller_and_key(key))
    }

    /// All that expire by then, given by where they begin and end.
    pub(super) fn expired(&self, now: Instant) -> (String, String) {
        self.until("expiry", now)
    }

    /// The reply that an expiry is of.
    pub(super) fn reply_of(&self, expiry: &Bin) -> Option<String> {
        Some(format!("{}reply/{}", self.0, self.behind_instant("expiry", expiry)?))
    }

    pub(super) fn message(&self, id: MessageId) -> String {
        format!("{}message/{}", self.0, identity(id))
    }

    pub(super) fn messages(&self) -> String {
        format!("{}message/", self.0)
    }

    pub(super) fn due(&self, at: Instant, id: MessageId) -> String {
        format!("{}due/{}/{}", self.0, sortable(at), identity(id))
    }

    pub(super) fn all_due(&self) -> String {
        format!("{}due/", self.0)
    }

    /// All that are due by then.
    pub(super) fn due_until(&self, now: Instant) -> (String, String) {
        self.until("due", now)
    }

    /// The message that a `due` is of, and when it is.
    pub(super) fn message_of(&self, due: &Bin) -> Option<(Instant, MessageId)> {
        let at = due.text().ok()?.strip_prefix(&self.0)?.strip_prefix("due/")?.get(..DIGITS)?;
        let millis = i64::try_from(at.parse::<u64>().ok()?).ok()? + Instant::PAST.millis();
        Some((Instant::checked(millis)?, self.behind_instant("due", due)?.parse().ok()?))
    }

    pub(super) fn dead(&self, id: MessageId) -> String {
        format!("{}dead/{}", self.0, identity(id))
    }

    /// The message that a `message` or `dead` is of.
    pub(super) fn letter_of(&self, key: &Bin) -> Option<MessageId> {
        let text = key.text().ok()?.strip_prefix(&self.0)?;
        text.strip_prefix("message/").or_else(|| text.strip_prefix("dead/"))?.parse().ok()
    }

    pub(super) fn all_dead(&self) -> String {
        format!("{}dead/", self.0)
    }

    fn until(&self, what: &str, now: Instant) -> (String, String) {
        let next = Instant::from_millis(now.millis() + 1);
        (format!("{}{what}/", self.0), format!("{}{what}/{}", self.0, sortable(next)))
    }

    fn behind_instant<'a>(&self, what: &str, key: &'a Bin) -> Option<&'a str> {
        let text = key.text().ok()?.strip_prefix(&self.0)?.strip_prefix(what)?.strip_prefix('/')?;
        text.get(DIGITS + 1..)
    }
}

/// Digits of an instant in a key.
const DIGITS: usize = 20;

/// An instant as a text that sorts like it.
fn sortable(at: Instant) -> String {
    format!("{:0DIGITS$}", at.millis().abs_diff(Instant::PAST.millis()))
}

fn identity(id: MessageId) -> String {
    format!("{}/{:010}", id.tx, id.index)
}

fn caller_and_key(key: &IdempotencyKey) -> String {
    let mut text = String::new();
    write_key_part(&Value::Id(key.scope.clone()), &mut text);
    text.push('/');
    write_key_part(&Value::Id(key.key.clone()), &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_sort_as_texts() {
        let at = |millis| Instant::from_millis(millis);
        let sorted = [Instant::PAST, at(-5), at(0), at(9), at(10), at(1_790_000_000_000)];
        assert!(sorted.map(sortable).is_sorted());
        let keys = Keys("p/".into());
        let id = MessageId { tx: TxId(7), index: 12 };
        for at in sorted {
            assert_eq!(keys.message_of(&keys.due(at, id).into()), Some((at, id)));
        }
        for key in [keys.message(id), keys.dead(id)] {
            assert_eq!(keys.letter_of(&key.into()), Some(id));
        }
        assert_eq!(keys.message_of(&"p/due/x".into()), None);
    }
}
