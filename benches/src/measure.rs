//! One run of a process: wall and CPU time, peak memory, output, within limits.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};
use wait4::{ResUse, Wait4};

/// What a process took.
///
/// On Linux the peak of a process is at least that of whoever started it, at that moment: the harness itself must
/// stay small (that is why the probe of [`crate::limit`] is a process of its own).
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// From before it is started to after its end.
    pub wall: Duration,
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// Peak resident memory in bytes.
    pub peak: u64,
}

/// How a process ended.
pub enum Ended {
    /// By itself.
    Exited(ExitStatus, Measurement),
    /// It was ended because it needed more memory than allowed.
    TooMuchMemory,
    /// It was ended because it took longer than allowed.
    TooLong,
}

/// What a process may take.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Resident bytes.
    pub memory: u64,
    /// From start to end.
    pub time: Duration,
}

/// Runs a process; what it prints goes to `output`.
///
/// Looks at it more and more rarely, at most every 10 ms: of a run of some seconds, less than a hundredth.
pub fn run(mut command: Command, output: &Path, limits: Limits) -> io::Result<Ended> {
    redirect(&mut command, output)?;
    let start = Instant::now();
    let mut child = command.spawn()?;
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(used) = child.try_wait4()? {
            return Ok(Ended::Exited(used.status, measurement(start, used)));
        }
        if resident(child.id()) > limits.memory {
            return end(child, Ended::TooMuchMemory);
        }
        if start.elapsed() > limits.time {
            return end(child, Ended::TooLong);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// Runs a process that takes milliseconds: waits without looking, so that the wall time is exact.
pub fn run_short(mut command: Command, output: &Path) -> io::Result<(ExitStatus, Measurement)> {
    redirect(&mut command, output)?;
    let start = Instant::now();
    let used = command.spawn()?.wait4()?;
    Ok((used.status, measurement(start, used)))
}

/// Both streams to one file: a pipe that nobody reads would stop the process.
fn redirect(command: &mut Command, output: &Path) -> io::Result<()> {
    let file = File::create(output)?;
    command.stdin(std::process::Stdio::null()).stdout(file.try_clone()?).stderr(file);
    Ok(())
}

fn measurement(start: Instant, used: ResUse) -> Measurement {
    let cpu = used.rusage.utime + used.rusage.stime;
    Measurement { wall: start.elapsed(), cpu, peak: used.rusage.maxrss }
}

fn end(mut child: Child, why: Ended) -> io::Result<Ended> {
    child.kill()?;
    child.wait()?;
    Ok(why)
}

/// Resident bytes of a process; 0 where the system does not say (then there is no limit).
fn resident(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0) * 1024
}

/// The middle value; of an even number the lower of the two middle ones.
pub fn median<T: Ord + Copy>(values: &[T]) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[5, 1, 3]), Some(3));
        assert_eq!(median(&[4, 1, 3, 2]), Some(2));
        assert_eq!(median::<u32>(&[]), None);
    }

    #[test]
    fn a_process_is_ended_at_its_limits() {
        let folder = std::env::temp_dir();
        let output = folder.join(format!("arch-benches-measure-{}", std::process::id()));
        let sleep = || {
            let mut command = Command::new("sleep");
            command.arg("5");
            command
        };
        let limits = Limits { memory: u64::MAX, time: Duration::from_millis(20) };
        let ended = run(sleep(), &output, limits).expect("sleep can be started");
        assert!(matches!(ended, Ended::TooLong));
        let limits = Limits { memory: 1, time: Duration::from_secs(60) };
        let ended = run(sleep(), &output, limits).expect("sleep can be started");
        assert!(matches!(ended, Ended::TooMuchMemory));
        fs::remove_file(output).expect("the output was written");
    }
}
