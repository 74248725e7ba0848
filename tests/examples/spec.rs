//! Prints the random spec of a seed: `cargo run -p archc-tests --example spec -- 17298`.

fn main() {
    let seed = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    println!("{}", archc_tests::generate::spec(seed).text());
}
