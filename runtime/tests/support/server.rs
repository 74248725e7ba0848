//! A PostgreSQL server of our own: from the system's package, in a temporary folder, on a free port.
//!
//! The server refuses to run as root; then it is run as the package's user `postgres`.

#[path = "own.rs"]
mod own;

use own::{free_port, not_run};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server. Killed when dropped.
pub struct Server {
    bin: PathBuf,
    data: PathBuf,
    port: u16,
    process: Option<Child>,
    /// Certificate and key, once it has been given some.
    tls: bool,
}

/// The newest server that is installed.
fn installed() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let mut bins: Vec<_> =
        versions.map(|v| v.path().join("bin")).filter(|b| b.join("initdb").exists()).collect();
    bins.sort();
    bins.pop()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|o| o.stdout.trim_ascii() == b"0")
}

impl Server {
    /// Starts a server; none, said loudly, if none is installed.
    pub fn start() -> Option<Server> {
        let Some(bin) = installed() else {
            not_run("PostgreSQL server under /usr/lib/postgresql", "postgresql");
            return None;
        };
        let port = free_port();
        let folder = tempfile::tempdir_in("/tmp").expect("there is room").keep();
        if is_root() {
            let chown = Command::new("chown").arg("postgres").arg(&folder).status();
            assert!(chown.is_ok_and(|s| s.success()), "the package's user `postgres` is missing");
        }
        let mut server = Server { bin, data: folder.join("data"), port, process: None, tls: false };
        let init = server
            .command("initdb")
            .args(["-A", "trust", "-U", "arch", "-E", "UTF8", "--locale=C", "-N", "-D"])
            .arg(&server.data)
            .output();
        let init = init.expect("initdb can be run");
        assert!(init.status.success(), "initdb: {}", String::from_utf8_lossy(&init.stderr));
        server.run();
        Some(server)
    }

    fn command(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir("/tmp").env("LC_ALL", "C");
        command
    }

    /// Starts the server's processes and waits until it answers.
    pub fn run(&mut self) {
        let log = std::fs::File::create(self.data.with_file_name(format!("log{}", std::process::id())));
        let log = log.map(Stdio::from).unwrap_or_else(|_| Stdio::null());
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.data).args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k", ""]);
        // Transactions of its own would hold back the journal's tail. What a crash of its processes loses is what it has not
        // written; syncing what it has written protects from crashes of the machine, which no test here makes, and took
        // nine tenths of the time.
        for setting in ["max_connections=90", "autovacuum=off", "fsync=off"] {
            command.args(["-c", setting]);
        }
        if self.tls {
            command.args(["-c", "ssl=on"]);
        }
        self.process =
            Some(command.stdout(Stdio::null()).stderr(log).spawn().expect("the server can be run"));
        let until = Instant::now() + Duration::from_secs(60);
        while !self.answers() {
            assert!(Instant::now() < until, "the server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn answers(&self) -> bool {
        let ready =
            self.command("pg_isready").args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).status();
        ready.is_ok_and(|s| s.success()) && TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// Gives the server a certificate and a key (PEM), and starts it again with them.
    #[allow(dead_code, reason = "only with the feature postgres-tls")]
    pub fn encrypt(&mut self, certificate: &str, key: &str) {
        self.crash();
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.data.join(name);
            std::fs::write(&path, text).expect("the server's folder can be written");
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .expect("ours");
            if is_root() {
                let chown = Command::new("chown").arg("postgres").arg(&path).status();
                assert!(chown.is_ok_and(|s| s.success()));
            }
        }
        self.tls = true;
        self.run();
    }

    /// Ends all of its processes at once, as a crash does: what is not on the disk is gone.
    pub fn crash(&mut self) {
        let stop =
            self.command("pg_ctl").args(["stop", "-m", "immediate", "-w", "-D"]).arg(&self.data).output();
        assert!(stop.is_ok_and(|s| s.status.success()), "the server does not stop");
        if let Some(mut process) = self.process.take() {
            process.wait().expect("it has ended");
        }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database, through this port (its own, or a proxy's).
    pub fn url(&self, database: &str, port: u16) -> String {
        format!("postgres://arch@127.0.0.1:{port}/{database}")
    }

    /// Makes an empty database.
    pub fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE \"{name}\""));
        self.url(name, self.port)
    }

    /// Runs SQL.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let out = Command::new(self.bin.join("psql"))
            .args(["-qtAX", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg(self.url(database, self.port))
            .output()
            .expect("psql can be run");
        assert!(out.status.success(), "{sql}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() && !std::thread::panicking() {
            self.crash();
        } else if let Some(process) = &mut self.process {
            let _ = process.kill();
        }
        remove(self.data.parent().unwrap_or(Path::new("/nonexistent")));
    }
}

fn remove(folder: &Path) {
    // What is left behind is in the folder for temporary files.
    let _ = std::fs::remove_dir_all(folder);
}
