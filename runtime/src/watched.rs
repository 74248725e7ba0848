//! Files that are read again when they change: keys and certificates that are rotated while the service runs.

use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often files are looked at.
pub const EVERY: Duration = Duration::from_secs(10);

/// Something that is made of files. It is made again when their *contents* change, which is seen when it is asked for and the last
/// look was a while ago: times of modification say little of files that are links to others, as secrets are in containers.
pub struct Watched<T> {
    paths: Vec<PathBuf>,
    make: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    every: Duration,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: T,
    seen: Vec<Option<[u8; 32]>>,
    looked: Instant,
}

impl<T: Clone> Watched<T> {
    /// Makes it of these files. Errors of `make` say which setting names the file: later ones are logged.
    ///
    /// # Errors
    /// It cannot be made now.
    pub fn new<E: std::fmt::Display>(
        paths: Vec<PathBuf>,
        make: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Watched<T>, E> {
        // Whatever changes while it is made is seen at the first look.
        let (seen, looked) = (contents(&paths), Instant::now());
        let value = make()?;
        let make = Box::new(move || make().map_err(|e| e.to_string()));
        Ok(Watched { paths, make, every: EVERY, state: Mutex::new(State { value, seen, looked }) })
    }

    /// The same, looking so often.
    #[cfg(any(test, feature = "jwt", feature = "tls"))]
    #[must_use]
    pub fn every(mut self, every: Duration) -> Watched<T> {
        self.every = every;
        self
    }

    /// As it is, or was a short while ago.
    pub fn current(&self) -> T {
        self.within(self.every)
    }

    /// As it is now: for whoever has seen that something is missing.
    #[cfg(any(test, feature = "jwt"))]
    pub fn fresh(&self) -> T {
        self.within(Duration::ZERO)
    }

    fn within(&self, age: Duration) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= age {
            state.looked = Instant::now();
            let now = contents(&self.paths);
            if now != state.seen {
                // What is broken is said once, and read again when it changes again.
                state.seen = now;
                match (self.make)() {
                    Ok(value) => {
                        state.value = value;
                        let files: Vec<_> =
                            self.paths.iter().map(|path| path.display().to_string()).collect();
                        tracing::info!(files = files.join(", "), "read again");
                    }
                    Err(error) => tracing::error!(%error, "what was read before is kept"),
                }
            }
        }
        state.value.clone()
    }
}

/// What tells contents apart; none of a file that cannot be read.
fn contents(paths: &[PathBuf]) -> Vec<Option<[u8; 32]>> {
    paths.iter().map(|path| Some(Sha256::digest(std::fs::read(path).ok()?).into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_files_are_read_again_and_broken_ones_are_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("number");
        let write = |text: &str| std::fs::write(&path, text).expect("it is written");
        write("1");
        let from = path.clone();
        let make = move || {
            std::fs::read_to_string(&from)
                .map_err(|e| e.to_string())?
                .parse::<u32>()
                .map_err(|e| e.to_string())
        };
        let number = Watched::new(vec![path.clone()], make).expect("a number");
        write("2");
        assert_eq!((number.current(), number.fresh(), number.current()), (1, 2, 2), "only after a while");
        let number = number.every(Duration::ZERO);
        for (text, value) in [("three", 2), ("3", 3), ("", 3), ("3", 3), ("4", 4)] {
            write(text);
            assert_eq!(number.current(), value, "{text}");
        }
        std::fs::remove_file(&path).expect("it is there");
        assert_eq!(number.current(), 4);
    }
}
