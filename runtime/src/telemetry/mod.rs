//! Spans of transitions in distributed traces. With the feature `otel` they are sent to an OpenTelemetry collector; without it,
//! a trace that a request belongs to is passed on as it came.

#[cfg(feature = "otel")]
mod export;

#[cfg(feature = "otel")]
pub(crate) use export::Export;

use crate::engine::Failure;
use crate::service::Operation;
use crate::trace_context::TraceContext;
#[cfg(feature = "otel")]
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::Span;
#[cfg(feature = "otel")]
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Makes a span that nobody has entered yet one of the trace that its call belongs to; the place of what the span asks for.
///
/// Without a recorder of spans that is the place of who asked.
pub(crate) fn adopt(span: &Span, op: &Operation, incoming: Option<TraceContext>) -> Option<TraceContext> {
    #[cfg(feature = "otel")]
    let incoming = joined(span, op, incoming);
    #[cfg(not(feature = "otel"))]
    let _ = op;
    if let Some(trace) = &incoming {
        span.record("trace", &*trace.trace_id());
    }
    incoming
}

/// Says that a transition failed by the service's own fault.
pub(crate) fn failed(span: &Span, failure: &Failure) {
    #[cfg(feature = "otel")]
    span.set_status(Status::error(failure.to_string()));
    #[cfg(not(feature = "otel"))]
    let _ = (span, failure);
}

#[cfg(feature = "otel")]
fn joined(span: &Span, op: &Operation, incoming: Option<TraceContext>) -> Option<TraceContext> {
    // Before the span starts: then its kind and parent are settled.
    span.record("otel.name", &*op.name);
    span.record("otel.kind", "server");
    if let Some(from) = &incoming {
        // Where nothing records spans, it has no parent.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(remote(from)));
    }
    let context = span.context();
    let own = context.span().span_context().clone();
    let (trace, id) =
        (u128::from_be_bytes(own.trace_id().to_bytes()), u64::from_be_bytes(own.span_id().to_bytes()));
    let own =
        TraceContext::new(trace, id, own.is_sampled()).map(|c| c.with_state(own.trace_state().header()));
    own.or(incoming)
}

#[cfg(feature = "otel")]
fn remote(from: &TraceContext) -> SpanContext {
    let (trace, span) = (TraceId::from(from.trace()), SpanId::from(from.span()));
    let flags = if from.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    SpanContext::new(trace, span, flags, true, from.state().parse::<TraceState>().unwrap_or_default())
}
