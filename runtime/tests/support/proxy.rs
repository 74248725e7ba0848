//! A TCP proxy that cuts connections after a random number of bytes, in either direction.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A running proxy.
pub struct Proxy {
    address: SocketAddr,
    cutting: Arc<AtomicBool>,
    cuts: Arc<AtomicU64>,
}

impl Proxy {
    /// A proxy to a port of this machine. It cuts nothing before it is told to.
    pub async fn to(port: u16, seed: u64) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let (cutting, cuts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (on, count) = (cutting.clone(), cuts.clone());
        tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            while let Ok((client, _)) = listener.accept().await {
                // Log-uniform: within the greeting, within a transaction, or long after.
                let budget = 1u64 << random.u64(7..17);
                let budget = random.u64(budget / 2..budget);
                tokio::spawn(connection(client, port, budget, on.clone(), count.clone()));
            }
        });
        Proxy { address, cutting, cuts }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Begins, or ends, to cut.
    pub fn cut(&self, on: bool) {
        self.cutting.store(on, Ordering::SeqCst);
    }

    /// How many connections were cut.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }
}

async fn connection(
    mut client: TcpStream,
    port: u16,
    mut budget: u64,
    cutting: Arc<AtomicBool>,
    cuts: Arc<AtomicU64>,
) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    loop {
        let (bytes, to_server) = tokio::select! {
            n = client.read(&mut up) => (n, true),
            n = server.read(&mut down) => (n, false),
        };
        let Ok(bytes @ 1..) = bytes else { return };
        let cut = cutting.load(Ordering::SeqCst) && budget < bytes as u64;
        let pass = if cut { usize::try_from(budget).unwrap_or(0) } else { bytes };
        let sent = if to_server {
            server.write_all(&up[..pass]).await
        } else {
            client.write_all(&down[..pass]).await
        };
        if cut {
            cuts.fetch_add(1, Ordering::SeqCst);
        }
        if cut || sent.is_err() {
            return;
        }
        if cutting.load(Ordering::SeqCst) {
            budget -= bytes as u64;
        }
    }
}
