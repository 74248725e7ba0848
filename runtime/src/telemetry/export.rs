//! Spans to a collector: OTLP over HTTP, in batches, by a thread of their own.

use crate::client::transport::plain;
use crate::client::{NoAnswer, Transport};
use crate::settings::Settings;
use async_trait::async_trait;
use http_body_util::Full;
use hyper::body::Bytes;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

/// How long a collector may take, and how long the last spans are waited for.
const LIMIT: Duration = Duration::from_secs(5);

/// The most bytes of a collector's answer.
const MOST: usize = 1 << 20;

/// Sends spans until it is stopped.
pub(crate) struct Export(SdkTracerProvider);

impl Export {
    /// If the configuration names a collector. What else there is to say is said by the variables of OpenTelemetry
    /// (`OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS`, …), which its libraries read.
    ///
    /// # Errors
    /// One of these makes no sense.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(crate) fn start(settings: &Settings, service: &str, version: &str) -> Result<Option<Export>, String> {
        let Some(endpoint) = &settings.telemetry.endpoint else { return Ok(None) };
        let endpoint = endpoint.trim_end_matches('/');
        let path = if endpoint.ends_with(TRACES) { "" } else { TRACES };
        let sender = Sender {
            runtime: Handle::current(),
            transport: Arc::new(plain(MOST)),
            unreachable: AtomicBool::new(false),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(sender)
            .with_endpoint(format!("{endpoint}{path}"));
        let exporter = exporter.build().map_err(|e| e.to_string())?;
        let mut resource =
            Resource::builder().with_attribute(KeyValue::new("service.version", version.to_owned()));
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(service.to_owned());
        }
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build());
        Ok(Some(Export(provider.build())))
    }

    /// What records the spans of a subscriber.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.0.tracer("arch-runtime");
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(LevelFilter::INFO)
    }

    /// Sends what is left.
    pub(crate) async fn stop(self) {
        // It waits for a thread that waits for this runtime.
        let stopped = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(LIMIT)).await;
        match stopped {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last spans did not reach the collector"),
            Err(panic) => tracing::warn!(%panic, "the last spans did not reach the collector"),
        }
    }
}

/// Where a collector takes spans.
const TRACES: &str = "/v1/traces";

/// Sends by the client of the service, in its runtime: who exports spans has none.
struct Sender {
    runtime: Handle,
    transport: Arc<dyn Transport>,
    /// Whether that was said: once is enough until it is reached again.
    unreachable: AtomicBool,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (transport, collector) = (self.transport.clone(), request.uri().clone());
        let sent = async move { tokio::time::timeout(LIMIT, transport.send(request.map(Full::new))).await };
        let answer: Result<Result<Response<Bytes>, NoAnswer>, _> = self.runtime.spawn(sent).await?;
        let answer: Result<Response<Bytes>, HttpError> = match answer {
            Ok(answer) => answer.map_err(Into::into),
            Err(elapsed) => Err(elapsed.into()),
        };
        let before = self.unreachable.swap(answer.is_err(), Ordering::Relaxed);
        match &answer {
            Err(why) if !before => tracing::warn!(%collector, %why, "spans cannot be sent"),
            Ok(_) if before => tracing::info!(%collector, "spans can be sent again"),
            _ => {}
        }
        answer
    }
}
