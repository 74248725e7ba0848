//! An etcd of our own: from the system's package, in a temporary folder, on free ports.

#[path = "own.rs"]
mod own;

use own::{free_port, not_run};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running member, the only one of its cluster. Killed when dropped.
pub struct Server {
    folder: tempfile::TempDir,
    port: u16,
    peer: u16,
    more: Vec<String>,
    process: Option<Child>,
}

impl Server {
    /// Starts a server with these further arguments; none, said loudly, if none is installed.
    pub fn start(more: &[&str]) -> Option<Server> {
        if Command::new("etcd").arg("--version").output().is_err() {
            not_run("etcd in the path", "etcd-server");
            return None;
        }
        let (port, peer) = (free_port(), free_port());
        let folder = tempfile::tempdir().expect("there is room");
        let more = more.iter().map(|&arg| arg.to_owned()).collect();
        let mut server = Server { folder, port, peer, more, process: None };
        server.run();
        Some(server)
    }

    /// Starts its process and waits until it listens.
    pub fn run(&mut self) {
        let scheme =
            if self.more.iter().any(|arg| arg.starts_with("--cert-file")) { "https" } else { "http" };
        let (client, peer) =
            (format!("{scheme}://127.0.0.1:{}", self.port), format!("http://127.0.0.1:{}", self.peer));
        let mut command = Command::new("etcd");
        command.arg("--data-dir").arg(self.folder.path().join("data"));
        for (name, url) in [("--listen-client-urls", &client), ("--advertise-client-urls", &client)] {
            command.args([name, url]);
        }
        for name in ["--listen-peer-urls", "--initial-advertise-peer-urls"] {
            command.args([name, &peer]);
        }
        command.args(["--initial-cluster", &format!("default={peer}")]).args(&self.more);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().expect("etcd can be run"));
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "etcd does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it: what is not on the disk is gone.
    pub fn crash(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it can be killed");
            process.wait().expect("it has ended");
        }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a prefix.
    pub fn url(&self, prefix: &str) -> String {
        format!("etcd://127.0.0.1:{}/{prefix}", self.port)
    }

    /// Asks its gateway.
    pub fn post(&self, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
