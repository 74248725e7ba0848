//! `grpc.health.v1`: what `/readyz` says, for whoever asks by gRPC.

use crate::serve::probes::not_ready;
use crate::serve::router::App;
use futures_util::stream::{Stream, unfold};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// How often those who watch are told of a change.
const LOOK: Duration = Duration::from_secs(1);

/// The service of an app's health.
pub(super) fn server(app: Arc<App>) -> HealthServer<impl Health> {
    HealthServer::new(Ready(app))
}

struct Ready(Arc<App>);

impl Ready {
    /// Whether this is one of our services; the empty name is all of them.
    fn knows(&self, name: &str) -> bool {
        let methods = self.0.engine.service().rpc.map(|rpc| rpc.methods).unwrap_or_default();
        name.is_empty()
            || methods
                .iter()
                .any(|m| m.path.rsplit_once('/').map(|(s, _)| s.trim_start_matches('/')) == Some(name))
    }
}

async fn serving(app: &App) -> ServingStatus {
    match not_ready(app).await {
        None => ServingStatus::Serving,
        Some(_) => ServingStatus::NotServing,
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status as i32 }
}

/// What is told to who watches: each change, and nothing more once the service is going away, so that nobody holds it up.
fn changes(app: Arc<App>) -> impl Stream<Item = Result<HealthCheckResponse, Status>> {
    unfold((app, None, false), |(app, told, over)| async move {
        if over {
            return None;
        }
        loop {
            let (now, over) = (serving(&app).await, app.is_draining());
            if told != Some(now) || over {
                return Some((Ok(response(now)), (app, Some(now), over)));
            }
            tokio::time::sleep(LOOK).await;
        }
    })
}

#[tonic::async_trait]
impl Health for Ready {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let name = &request.get_ref().service;
        if !self.knows(name) {
            return Err(Status::not_found(format!("there is no service {name}")));
        }
        Ok(Response::new(response(serving(&self.0).await)))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        if !self.knows(&request.get_ref().service) {
            let unknown = unfold(false, |told| async move {
                // It will not come to be while this process runs: told once.
                if told {
                    return None;
                }
                Some((Ok(response(ServingStatus::ServiceUnknown)), true))
            });
            return Ok(Response::new(Box::pin(unknown)));
        }
        Ok(Response::new(Box::pin(changes(self.0.clone()))))
    }
}
