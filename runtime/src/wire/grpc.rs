//! What both ends of gRPC agree on, besides the messages of a spec.

use bytes::{Buf, BufMut, Bytes};
use std::time::Duration;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// The media type of requests and replies; `+proto` may follow.
pub const MEDIA_TYPE: &str = "application/grpc";

/// Whose `reason`s the `google.rpc.ErrorInfo` of a status has.
pub const DOMAIN: &str = "arch";

/// The type of a `google.rpc.PreconditionFailure` violation whose subject is a conjunct that is false, and whose description its text.
pub const GUARD: &str = "guard";

/// The type of one whose subject is a row that was read, and whose description its version.
pub const READ: &str = "read";

/// What an operation answers. The same bytes when it is replayed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Reply {
    /// The [number](crate::value::proto::number) of the outcome, or of the step that the run is at now.
    #[prost(int32, tag = "1")]
    pub outcome: i32,
    /// The transaction.
    #[prost(string, tag = "2")]
    pub tx: String,
    /// When, in milliseconds since 1970: the time that the step saw.
    #[prost(int64, tag = "3")]
    pub at: i64,
    /// The run after the step, a message of its own.
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub run: Option<Bytes>,
}

/// `grpc-timeout`: at most eight digits and a unit.
#[must_use]
pub fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Messages as bytes: what they mean depends on the operation.
#[derive(Clone, Copy, Default, Debug)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read() {
        assert_eq!(timeout("1H"), Some(Duration::from_secs(3_600)));
        assert_eq!(timeout("99999999n"), Some(Duration::from_nanos(99_999_999)));
        assert_eq!(timeout("250m"), Some(Duration::from_millis(250)));
        for wrong in ["", "S", "5", "5s", "-1S", "+1S", "123456789S", "1.5S", "5é"] {
            assert_eq!(timeout(wrong), None, "{wrong}");
        }
    }
}
