//! URLs as they may be shown: without what is secret in them.

use axum::http::Uri;

/// What stands for what is not shown.
const HIDDEN: &str = "***";

/// Keys of a query with one of these words in them have secret values: `password`, `sslpassword`, `access_token`, `api_key`.
const SECRET: [&str; 5] = ["password", "passwd", "secret", "token", "key"];

/// A URL without its passwords.
///
/// Also of what is no URL: a password that was not percent-encoded may have `@`, `/` or `?` in it, so that a parser would take half
/// of it for a host or a path. Rather too much is hidden than too little: everything between the user's name and the last `@`.
pub(crate) fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (user, rest) = match end_of_user(url, rest) {
        None => (String::new(), rest),
        Some(at) => {
            let name = rest[..at].split(':').next().unwrap_or_default();
            let name = if name.len() == at { format!("{name}@") } else { format!("{name}:{HIDDEN}@") };
            (name, &rest[at + 1..])
        }
    };
    let rest = match rest.split_once('?') {
        None => rest.to_owned(),
        Some((path, query)) => {
            let pairs: Vec<String> = query.split('&').map(pair).collect();
            format!("{path}?{}", pairs.join("&"))
        }
    };
    format!("{scheme}://{user}{rest}")
}

/// Where the `@` is after which the host begins, in what comes after the scheme.
fn end_of_user(url: &str, rest: &str) -> Option<usize> {
    let web = url.starts_with("http://") || url.starts_with("https://");
    if web && url.parse().is_ok_and(|uri: Uri| uri.authority().is_some_and(|a| !a.as_str().contains('@'))) {
        return None;
    }
    // The first part that has one: it is also in values of a query.
    let head = rest.split('?').next().unwrap_or_default();
    head.rfind('@')
        .or_else(|| rest.split('&').next().unwrap_or_default().rfind('@').filter(|_| !has_query(rest)))
}

/// Whether what follows the `?` is a query: `name=value`.
fn has_query(rest: &str) -> bool {
    rest.split_once('?').is_some_and(|(_, query)| query.contains('='))
}

fn pair(text: &str) -> String {
    let Some((key, _)) = text.split_once('=') else { return text.to_owned() };
    let lower = key.to_ascii_lowercase();
    if SECRET.iter().any(|word| lower.contains(word)) { format!("{key}={HIDDEN}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_wherever_they_are() {
        let cases = [
            ("postgres://me:secret@db/claims", "postgres://me:***@db/claims"),
            ("postgres://me:se@cr@et@db:5432/claims", "postgres://me:***@db:5432/claims"),
            ("postgres://me:se/cr:et@db", "postgres://me:***@db"),
            ("postgres://me:se?cret@db", "postgres://me:***@db"),
            ("postgres://db/x?user=me&password=secret", "postgres://db/x?user=me&password=***"),
            (
                "postgres://db/x?sslPassword=s&sslmode=require",
                "postgres://db/x?sslPassword=***&sslmode=require",
            ),
            ("postgres://db/x?password=a@b", "postgres://db/x?password=***"),
            ("etcd://root:pw@a:2379,b:2379/p", "etcd://root:***@a:2379,b:2379/p"),
            ("https://me:secret@h/in?access_token=t", "https://me:***@h/in?access_token=***"),
            ("https://h/users/a@b", "https://h/users/a@b"),
            ("postgres://me@db/claims", "postgres://me@db/claims"),
            ("sqlite:claims.db", "sqlite:claims.db"),
            ("memory:", "memory:"),
        ];
        for (url, shown) in cases {
            assert_eq!(redacted(url), shown, "{url}");
        }
    }
}
