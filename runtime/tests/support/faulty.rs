//! What stands between a client and a service, or in its place: a proxy that drops replies, a server that says what it is told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that closes a connection instead of handing on a reply, so often.
pub async fn dropping(to: SocketAddr, replies: u32) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let left = Arc::new(AtomicU32::new(replies));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(connection(client, to, left.clone()));
        }
    });
    address
}

async fn connection(mut client: TcpStream, to: SocketAddr, left: Arc<AtomicU32>) {
    let Ok(mut server) = TcpStream::connect(to).await else { return };
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            n = client.read(&mut up) => {
                let Ok(n @ 1..) = n else { return };
                if server.write_all(&up[..n]).await.is_err() { return }
            }
            n = server.read(&mut down) => {
                let Ok(n @ 1..) = n else { return };
                let drops = |n: u32| n.checked_sub(1);
                if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, drops).is_ok() { return }
                if client.write_all(&down[..n]).await.is_err() { return }
            }
        }
    }
}

/// A server that answers every request with what it is told, the last answer again and again.
pub struct Scripted {
    /// Where it listens.
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

/// An answer: status, headers, body.
pub type Said = (u16, &'static [(&'static str, &'static str)], &'static str);

impl Scripted {
    /// One with these answers.
    pub async fn saying(answers: &[Said]) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let (list, answers) = (heard.clone(), answers.to_vec());
        tokio::spawn(async move {
            for n in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let answer = answers[usize::min(n, answers.len() - 1)];
                let Some(request) = answered(stream, answer).await else { continue };
                list.lock().expect("nobody panics here").push(request);
            }
        });
        Scripted { address, heard }
    }

    /// The requests so far, in lower case.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("nobody panics here").clone()
    }
}

/// Reads a request whose body is JSON, and answers it.
async fn answered(mut stream: TcpStream, (status, headers, body): Said) -> Option<String> {
    let mut request = Vec::new();
    let text = loop {
        let mut more = [0; 4096];
        let n = stream.read(&mut more).await.ok().filter(|n| *n > 0)?;
        request.extend_from_slice(&more[..n]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if text.starts_with("get ") && text.ends_with("\r\n\r\n") || text.ends_with('}') {
            break text;
        }
    };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).await.ok()?;
    Some(text)
}
