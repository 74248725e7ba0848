//! Which distributed trace a request belongs to: [W3C Trace Context](https://www.w3.org/TR/trace-context/).
//!
//! A request says it in its header `traceparent`. The journal keeps the trace's id, and what a handler asks of other services
//! goes on in the same trace: the engine makes the context known while the handler runs ([`current`]), and the client sends it.

use smol_str::SmolStr;
use std::fmt;
use std::future::Future;

/// The header that names the trace and the span that asks.
pub const TRACEPARENT: &str = "traceparent";

/// The header of what vendors of tracing add; passed on as it came.
pub const TRACESTATE: &str = "tracestate";

/// The most bytes of a `tracestate` that are passed on.
const MOST: usize = 512;

/// A place in a distributed trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    sampled: bool,
    state: SmolStr,
}

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// Where the call is that this task executes; none outside of calls, and in tasks that a handler has spawned.
#[must_use]
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(Clone::clone).ok()
}

/// A future during which [`current`] is this context.
pub(crate) async fn within<F: Future>(context: Option<TraceContext>, future: F) -> F::Output {
    match context {
        Some(context) => CURRENT.scope(context, future).await,
        None => future.await,
    }
}

impl TraceContext {
    /// Of ids that are not zero.
    #[must_use]
    pub fn new(trace: u128, span: u64, sampled: bool) -> Option<TraceContext> {
        (trace != 0 && span != 0).then_some(TraceContext { trace, span, sampled, state: SmolStr::default() })
    }

    /// Of a `traceparent`: `00-<trace>-<span>-<flags>`, in lower-case hexadecimal digits. Versions to come may have more parts.
    #[must_use]
    pub fn parse(text: &str) -> Option<TraceContext> {
        let mut parts = text.split('-');
        let version = hex(parts.next()?, 2)?;
        let (trace, span) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
        let flags = hex(parts.next()?, 2)?;
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        TraceContext::new(trace, u64::try_from(span).ok()?, flags & 1 == 1)
    }

    /// The trace's id: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> SmolStr {
        smol_str::format_smolstr!("{:032x}", self.trace)
    }

    /// The trace, as a number.
    #[must_use]
    pub fn trace(&self) -> u128 {
        self.trace
    }

    /// The span that asks.
    #[must_use]
    pub fn span(&self) -> u64 {
        self.span
    }

    /// Whether who asks records its spans.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// What vendors add; empty if they add nothing.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }

    /// The same with what vendors add, if it is not longer than what everybody passes on (512 bytes).
    #[must_use]
    pub fn with_state(self, state: impl Into<SmolStr>) -> TraceContext {
        let state = state.into();
        TraceContext { state: if state.len() <= MOST { state } else { SmolStr::default() }, ..self }
    }
}

impl TraceContext {
    /// The headers that say it to whoever is asked.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let state = (!self.state.is_empty()).then(|| (TRACESTATE, self.state.to_string()));
        std::iter::once((TRACEPARENT, self.to_string())).chain(state)
    }

    /// As stores keep it: the `traceparent`, and what vendors add behind a space.
    #[must_use]
    pub fn kept(&self) -> String {
        if self.state.is_empty() { self.to_string() } else { format!("{self} {}", self.state) }
    }

    /// Reads what [`TraceContext::kept`] writes.
    #[must_use]
    pub fn of_kept(text: &str) -> Option<TraceContext> {
        let (parent, state) = text.split_once(' ').unwrap_or((text, ""));
        Some(TraceContext::parse(parent)?.with_state(state))
    }
}

/// As a `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceContext { trace, span, sampled, .. } = self;
        write!(f, "00-{trace:032x}-{span:016x}-{:02x}", u8::from(*sampled))
    }
}

/// So many lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let plain = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (text.len() == digits && text.bytes().all(plain)).then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_is_a_traceparent_is_passed_on_as_it_came() {
        for text in [GIVEN, "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-00"] {
            assert_eq!(TraceContext::parse(text).map(|c| c.to_string()).as_deref(), Some(text));
        }
        let context = TraceContext::parse(GIVEN).expect("it is one");
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((context.span(), context.is_sampled()), (0xb7ad_6b71_6920_3331, true));
        // Another version may have more, and other flags.
        let later = TraceContext::parse(&format!("cc{}-what-else", &GIVEN[2..])).expect("it may be one");
        assert_eq!(later.to_string(), GIVEN);
        let flags = TraceContext::parse(&format!("{}fe", &GIVEN[..53])).expect("flags that nobody knows yet");
        assert!(!flags.is_sampled());
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let context = TraceContext::parse(GIVEN).expect("it is one");
        for state in ["", "a=1", "a=1, b=2 3"] {
            let context = context.clone().with_state(state);
            assert_eq!(TraceContext::of_kept(&context.kept()), Some(context));
        }
        assert_eq!(TraceContext::of_kept("a=1"), None);
    }

    #[test]
    fn what_is_none_is_passed_over() {
        for text in [
            "",
            "00",
            &GIVEN[..54],
            &format!("{GIVEN}-"),
            &format!("{GIVEN}-00"),
            &format!("ff{}", &GIVEN[2..]),
            &GIVEN.to_uppercase(),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
            "+0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319é-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }
}
