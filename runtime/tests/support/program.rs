//! The sample as a program of its own: this test, run again as a process.
// Not every test uses all of it.
#![allow(dead_code)]

#[path = "own.rs"]
mod own;

use crate::http::{ask, text};
use arch_runtime::cli;
use arch_runtime::testing::service;
pub use own::free_port;
use std::borrow::BorrowMut;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// The service as a program: the arguments come from a variable, because the test's own are the harness's.
#[test]
fn program() {
    let Ok(arguments) = std::env::var("ARCH_ARGUMENTS") else { return };
    let arguments = std::iter::once("sample").chain(arguments.split('\u{1f}')).map(Into::into);
    let done = cli::run("sample", |_| Ok(service::service()), arguments, std::env::vars());
    std::process::exit(match done {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("sample: {error}");
            error.status().into()
        }
    });
}

pub fn command(folder: &Path, port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command
        .args(["program::program", "--exact", "--nocapture"])
        .current_dir(folder)
        .env("ARCH_ARGUMENTS", arguments.join("\u{1f}"))
        .env("SAMPLE__HTTP__LISTEN", format!("127.0.0.1:{port}"))
        .env("SAMPLE__DRAIN__DELAY", "10ms");
    command
}

pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, 0, arguments).output().expect("it can be run")
}

pub fn text_of(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// It serves, until it is terminated or the test ends, however it does.
pub struct Running(Option<Child>, pub SocketAddr);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Running {
    pub async fn start(folder: &Path, port: u16) -> Running {
        Running::by(command(folder, port, &["serve"]), port).await
    }

    pub async fn by(mut command: impl BorrowMut<Command>, port: u16) -> Running {
        let child = command.borrow_mut().stderr(Stdio::piped()).spawn().expect("it can be run");
        let running = Running(Some(child), SocketAddr::from(([127, 0, 0, 1], port)));
        for _ in 0..1_000 {
            if ask(running.1, &text("GET", "/readyz", &[], "")).await.is_some_and(|r| r.0 == 200) {
                return running;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it is not ready");
    }

    /// Tells it to stop; what it said.
    pub fn terminate(self) -> Output {
        let id = self.0.as_ref().expect("it is terminated once").id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().is_ok_and(|s| s.success()));
        self.output()
    }

    /// What it said, when it has ended.
    pub fn output(mut self) -> Output {
        let child = self.0.take().expect("it ends once");
        child.wait_with_output().expect("it ends")
    }
}
