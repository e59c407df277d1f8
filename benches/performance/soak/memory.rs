//! The memory that the hosts have in use.

use std::fs;

/// The resident memory of these process groups, in MiB; of this process if there is `None` among
/// them, in which the local host runs beside the tenant and the load generator. `None` on systems
/// without `/proc`.
pub(super) fn resident(groups: &[Option<u32>]) -> Option<f64> {
    let own = std::process::id();
    let mut kib = 0_u64;
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let group = group_of(&entry.path().join("stat"));
        let is_one = match group {
            Some(group) if groups.contains(&Some(group)) => true,
            _ => id == own && groups.contains(&None),
        };
        if is_one {
            kib += resident_kib(&entry.path().join("status")).unwrap_or_default();
        }
    }
    (kib > 0).then_some(kib as f64 / 1024.0)
}

/// The process group: the third field after the name, which is in parentheses.
fn group_of(stat: &std::path::Path) -> Option<u32> {
    let stat = fs::read_to_string(stat).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(2)?.parse().ok()
}

fn resident_kib(status: &std::path::Path) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
