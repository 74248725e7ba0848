//! The queue as its clients see it: requests over HTTP, repeated under one idempotency key until they are answered.

use serde_json::{Value, json};
use std::time::Duration;

/// How long to wait before asking again when the service is not there.
const AGAIN: Duration = Duration::from_millis(200);

/// A queue somewhere.
#[derive(Clone)]
pub struct Queue {
    url: String,
    agent: ureq::Agent,
}

/// What the service answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The outcome and the run, or the problem.
    pub body: Value,
}

impl Answer {
    /// Whether it is committed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.status == 200
    }

    /// The outcome, or the step that the run is at now.
    #[must_use]
    pub fn outcome(&self) -> &str {
        self.body["outcome"].as_str().unwrap_or_default()
    }
}

impl Queue {
    /// The queue at a URL.
    #[must_use]
    pub fn at(url: &str) -> Queue {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)));
        Queue {
            url: url.trim_end_matches('/').to_owned(),
            agent: config.build().into(),
        }
    }

    /// Hands in a job.
    #[must_use]
    pub fn submit(&self, job: &str) -> Answer {
        self.ask("intake/submit", &json!({ "self": "producer", "job": job }))
    }

    /// A step of a worker: `claim`, `renew`, `finish` or `give_up`.
    #[must_use]
    pub fn step(&self, step: &str, worker: &str) -> Answer {
        self.ask(&format!("processing/{step}"), &json!({ "self": worker }))
    }

    /// A lost reply is no lost request: under its key it is executed once, and answered as often as it is asked.
    fn ask(&self, operation: &str, request: &Value) -> Answer {
        let key = format!("{:032x}", fastrand::u128(..));
        loop {
            match self.once(operation, request, &key) {
                Ok(answer) if answer.status != 503 => return answer,
                _ => std::thread::sleep(AGAIN),
            }
        }
    }

    fn once(&self, operation: &str, request: &Value, key: &str) -> Result<Answer, ureq::Error> {
        let url = format!("{}/v1/{operation}", self.url);
        let asked = self.agent.post(url).header("Idempotency-Key", key);
        let mut answer = asked.send_json(request)?;
        let status = answer.status().as_u16();
        Ok(Answer {
            status,
            body: answer.body_mut().read_json()?,
        })
    }
}
