//! rumur: a C verifier generated from the Murphi model, then gcc.

use super::{Count, Counts, Places, Prepared, step};
use crate::Failure;
use crate::models::{Model, Size};
use std::path::Path;
use std::time::Instant;

/// Generates and compiles the verifier. Murphi has no constants from outside, so the model is copied with others.
pub fn prepare(
    places: &Places,
    model: &Model,
    size: &Size,
    packed: bool,
    threads: usize,
    folder: &Path,
) -> Result<Prepared, Failure> {
    let start = Instant::now();
    let source = places.model(model, "m");
    let wrong = |e: std::io::Error| Failure::wrong(format!("{}: {e}", source.display()));
    let text = std::fs::read_to_string(&source).map_err(wrong)?;
    let text =
        with_constants(&text, size).map_err(|e| Failure::wrong(format!("{}: {e}", source.display())))?;
    std::fs::write(folder.join("model.m"), text).map_err(wrong)?;

    // Pointers to states, 8 bytes each: room for twice as many as there are, so that the set never grows.
    let capacity = (size.states * 16).next_power_of_two().max(1 << 23);
    let generate = format!(
        "--deadlock-detection off --symmetry-reduction off --counterexample-trace off --value-type int32_t \
         --pack-state {} --threads {threads} --set-capacity {capacity} --output-format machine-readable \
         --output model.c model.m",
        if packed { "on" } else { "off" }
    );
    let compile = "-std=c11 -O3 -march=native -mcx16 -w -o model model.c -lpthread";
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (first, _) = step("rumur", &words(&generate), folder)?;
    let (second, _) = step("gcc", &words(compile), folder)?;
    Ok(Prepared {
        command: vec![folder.join("model").display().to_string()],
        compile_commands: vec![first, second],
        compile: Some(start.elapsed()),
    })
}

/// The text with the values of a size in its `const` section, each a line `  NAME: VALUE;`.
fn with_constants(text: &str, size: &Size) -> Result<String, String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (name, value) in size.settings {
        let declared = format!("  {name}: ");
        let line =
            lines.iter_mut().find(|l| l.starts_with(&declared)).ok_or(format!("no constant {name}"))?;
        *line = format!("{declared}{value};");
    }
    Ok(lines.join("\n") + "\n")
}

/// No correction: `rules_fired` does not count the start state.
pub fn counts(output: &str) -> Result<Counts, String> {
    let summary = output
        .lines()
        .find(|l| l.starts_with("<summary "))
        .ok_or_else(|| format!("no summary:\n{output}"))?;
    let number = |name: &str| {
        let value = summary.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split('"').next());
        value.and_then(|v| v.parse().ok()).ok_or_else(|| format!("no {name}: {summary}"))
    };
    if number("errors")? != 0 {
        return Err(format!("errors:\n{output}"));
    }
    let (states, transitions) = (Count::Exact(number("states")?), Count::Exact(number("rules_fired")?));
    Ok(Counts { states, transitions, initial_counted: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_verifier_prints_is_understood() {
        let text =
            "<x/>\n<summary states=\"8832\" rules_fired=\"58145\" errors=\"0\" duration_seconds=\"0\"/>\n";
        let found = counts(text).expect("a complete search");
        assert_eq!((found.states, found.transitions), (Count::Exact(8_832), Count::Exact(58_145)));
        assert!(counts(&text.replace("errors=\"0\"", "errors=\"1\"")).is_err());
        assert!(counts("").is_err());
    }

    #[test]
    fn constants_are_replaced_where_they_are_declared() {
        let size = Size { name: "x", settings: &[("N", 9)], states: 0, transitions: 0 };
        assert_eq!(
            with_constants("const\n  N: 3;\nvar N: 3;\n", &size).as_deref(),
            Ok("const\n  N: 9;\nvar N: 3;\n")
        );
        assert!(with_constants("const\n  M: 3;\n", &size).is_err());
    }
}
