//! What the kernel says about a process.

use std::error::Error;
use std::fs;

/// Returns the processor time of all threads that a process has, in nanoseconds. Of a thread that
/// is running it may lack the last few milliseconds; that of threads that have ended is lost.
///
/// # Errors
///
/// If there is no such process.
pub fn cpu_ns(process: &str) -> Result<f64, Box<dyn Error>> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // One may end meanwhile: mongod has a thread for each connection.
        let Ok(schedule) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        sum += schedule.split(' ').next().ok_or("schedstat is empty")?.parse::<u64>()?;
    }
    Ok(sum as f64)
}

/// Returns the resident memory of a process, in bytes.
///
/// # Errors
///
/// If there is no such process.
pub fn resident_bytes(process: &str) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<f64>()? * 1024.0)
}
