//! Looks at the messages of the outbox, and at those that were given up above all; delivers them again, or drops them.

use super::{CliError, io, store};
use crate::outbox::{Letter, MessageId, Standing};
use crate::service::Service;
use crate::settings::{Settings, redacted};
use crate::store::{Store, StoreError};
use crate::time::{Clock, Instant, SystemClock};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// List the messages that are dead, and those that wait
    List {
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// Only those that are dead
        #[arg(long)]
        dead: bool,
        /// The most messages; dead ones come first
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Deliver a message again: now, and with all its attempts anew
    ///
    /// It keeps its idempotency key and its fencing token: a receiver that has it already, or a run that has moved on, takes no
    /// second step. A message that waits is due at once.
    Retry(Which),
    /// Take a message out of the outbox: it is never delivered
    ///
    /// The run that it is about stays where it is; its step can still be asked for by anybody who may.
    Drop {
        /// The message, as `outbox list` shows it
        #[arg(value_name = "ID")]
        id: MessageId,
    },
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// The message, as `outbox list` shows it
    #[arg(value_name = "ID")]
    id: Option<MessageId>,
    /// All messages that are dead
    #[arg(long)]
    all: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

pub(super) async fn execute(
    command: Command,
    service: &Service,
    settings: &Settings,
) -> Result<(), CliError> {
    let url = settings.store.url.as_str();
    let store = store::existing(service, settings).await?;
    let told = match command {
        Command::List { format, dead, limit } => {
            let listed = Listed::of(&*store, dead, limit).await?;
            match format {
                Format::Text => listed.text(&service.name, &redacted(url)),
                Format::Json => listed.json(),
            }
        }
        Command::Retry(Which { id: Some(id), .. }) => retry(&*store, id).await?,
        Command::Retry(_) => match store.revive(None).await? {
            0 => "No message is dead.\n".into(),
            1 => "1 message is due again: a running service delivers it at once.\n".into(),
            n => format!("{n} messages are due again: a running service delivers them at once.\n"),
        },
        Command::Drop { id } => drop_one(service, &*store, id).await?,
    };
    std::io::stdout().write_all(told.as_bytes()).map_err(io("standard output"))
}

/// A message that somebody names.
async fn named(store: &dyn Store, id: MessageId) -> Result<Letter, CliError> {
    store.letter(id).await?.ok_or_else(|| gone(id))
}

fn gone(id: MessageId) -> CliError {
    CliError::Bad(format!(
        "the outbox has no message {id}: it was delivered or dropped, or there never was one"
    ))
}

async fn retry(store: &dyn Store, id: MessageId) -> Result<String, CliError> {
    let letter = named(store, id).await?;
    if store.revive(Some(id)).await? == 0 {
        return Err(gone(id));
    }
    let target = &letter.message.target;
    Ok(match letter.standing {
        Standing::Dead => format!(
            "{id} ({target}) is due again, after {}: a running service delivers it at once.\n",
            attempts(&letter)
        ),
        Standing::Waiting { .. } => {
            format!("{id} ({target}) was waiting, and is due now: a running service delivers it at once.\n")
        }
    })
}

async fn drop_one(service: &Service, store: &dyn Store, id: MessageId) -> Result<String, CliError> {
    let letter = named(store, id).await?;
    if !store.discard(id).await? {
        return Err(gone(id));
    }
    let target = &letter.message.target;
    let mut told = match letter.standing {
        Standing::Dead => format!("{id} ({target}) is dropped: nobody will be asked for {target} by it.\n"),
        // It may be on its way.
        Standing::Waiting { .. } => {
            format!(
                "{id} ({target}) is dropped; if it was just being delivered, that attempt may still succeed.\n"
            )
        }
    };
    if let Some(fence) = &letter.message.fence {
        let still = service.operation(target).map(|op| format!("; {} can still be asked for", op.name));
        let _ = writeln!(told, "{} stays where it is{}.", fence.resource, still.unwrap_or_default());
    }
    let _ = writeln!(told, "What it said: {}", letter.message.payload.text());
    Ok(told)
}

/// What is listed.
struct Listed {
    /// The dead first, then those that wait.
    letters: Vec<Letter>,
    dead: u64,
    waiting: u64,
    /// How many of those asked for are not shown.
    left_out: u64,
}

impl Listed {
    async fn of(store: &dyn Store, only_dead: bool, limit: usize) -> Result<Listed, StoreError> {
        let status = store.outbox().await?;
        let mut letters = store.letters(true, None, limit).await?;
        if !only_dead {
            letters.extend(store.letters(false, None, limit - letters.len()).await?);
        }
        let all = status.dead + if only_dead { 0 } else { status.pending };
        let left_out = all.saturating_sub(letters.len() as u64);
        Ok(Listed { letters, dead: status.dead, waiting: status.pending, left_out })
    }

    fn text(&self, service: &str, url: &str) -> String {
        let now = SystemClock::default().wall();
        let mut text = match (self.dead, self.waiting) {
            (0, 0) => format!("The outbox of {url} is empty.\n"),
            (dead, waiting) => format!("The outbox of {url}: {dead} dead, {waiting} waiting.\n"),
        };
        for letter in &self.letters {
            text.push('\n');
            text.push_str(&told(letter, now));
        }
        if self.left_out > 0 {
            let _ = writeln!(text, "\nand {} more (`--limit N`).", self.left_out);
        }
        if self.letters.iter().any(|letter| letter.standing == Standing::Dead) {
            let _ = write!(
                text,
                "\n`{service} outbox retry ID` delivers a message again (`--all`: all dead ones), `{service} outbox drop ID` gives it up.\n"
            );
        }
        text
    }

    fn json(&self) -> String {
        let messages: Vec<Value> = self.letters.iter().map(as_json).collect();
        let all = json!({
            "dead": self.dead, "waiting": self.waiting, "left_out": self.left_out, "messages": messages,
        });
        format!("{all:#}\n")
    }
}

/// A message for people: whether it is dead, what it asks for, and what became of it.
fn told(letter: &Letter, now: Instant) -> String {
    let word = match letter.standing {
        Standing::Dead => "dead    ",
        Standing::Waiting { .. } => "waiting ",
    };
    let mut text = format!("{word} {}  {}\n", letter.id, letter.message.target);
    let mut line = |what: &str, how: &str| _ = writeln!(text, "         {what:<9}{how}");
    line("request", letter.message.payload.text());
    if let Some(fence) = &letter.message.fence {
        line("about", &format!("{}, as of version {}", fence.resource, fence.epoch));
    }
    line(
        "since",
        &format!("{} ({} ago), {}", stamp(letter.created), span(now.since(letter.created)), attempts(letter)),
    );
    if let Standing::Waiting { due } = letter.standing
        && due.since(now) >= Duration::from_secs(1)
    {
        line("next", &format!("in {}", span(due.since(now))));
    }
    if let Some(error) = &letter.error {
        line("error", error);
    }
    text
}

fn attempts(letter: &Letter) -> String {
    match letter.attempts {
        0 => "not tried yet".into(),
        1 => "1 attempt".into(),
        n => format!("{n} attempts"),
    }
}

fn as_json(letter: &Letter) -> Value {
    let request: Value = serde_json::from_str(letter.message.payload.text()).unwrap_or(Value::Null);
    let due = match letter.standing {
        Standing::Dead => None,
        Standing::Waiting { due } => Some(stamp(due)),
    };
    json!({
        "id": letter.id.to_string(),
        "target": letter.message.target,
        "state": if due.is_some() { "waiting" } else { "dead" },
        "request": request,
        "fencing_token": letter.message.fence.as_ref().map(ToString::to_string),
        "since": stamp(letter.created),
        "attempts": letter.attempts,
        "due": due,
        "error": letter.error,
        "trace_id": letter.trace.as_ref().map(|trace| trace.trace_id()),
    })
}

/// The last moment of the year 9999: later ones cannot be written.
const LAST: u64 = 253_402_300_799_999;

/// A moment, in UTC.
fn stamp(at: Instant) -> String {
    let since = Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0).min(LAST));
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}

/// A span of time, to the second.
fn span(of: Duration) -> String {
    humantime::format_duration(Duration::from_secs(of.as_secs())).to_string()
}
