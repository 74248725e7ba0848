//! Making a spec smaller while something stays true of it.

/// A spec from the same declarations with fewer of them and fewer lines, of which `fails` is still true.
pub fn minimise(items: &[String], fails: &dyn Fn(&str) -> bool) -> String {
    let mut items = items.to_vec();
    while drop_one(&mut items, fails) {}
    let mut lines: Vec<String> = items.join("\n").lines().map(str::to_owned).collect();
    while drop_one(&mut lines, fails) {}
    lines.join("\n")
}

/// Drops whatever can be dropped, once each; whether anything was.
fn drop_one(parts: &mut Vec<String>, fails: &dyn Fn(&str) -> bool) -> bool {
    let before = parts.len();
    let mut i = parts.len();
    while i > 0 {
        i -= 1;
        let dropped = parts.remove(i);
        if !fails(&parts.join("\n")) {
            parts.insert(i, dropped);
        }
    }
    parts.len() < before
}
