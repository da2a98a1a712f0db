//! What a response says about the transaction that it answers.

use crate::bus::{READ, VERIFY};
use crate::error::{Error, ErrorKind};
use crate::wire::{decode_result, Header, Malformed};

/// A complete response.
pub(super) struct Response<'a> {
    pub(super) header: Header,
    pub(super) malformed: Option<Malformed>,
    /// Bytes of data in the response.
    pub(super) size: u64,
    /// The data, unless it is in the memory of the transaction already.
    pub(super) data: Option<&'a [u8]>,
    pub(super) result: &'a [u8],
}

impl Response<'_> {
    /// The outcome of the transaction with this `request`.
    pub(super) fn outcome(&self, request: &Header) -> Result<(), Error> {
        let protocol = |text: String| {
            Err(Error::new(
                ErrorKind::Protocol,
                format!("The response does not fit its request: {text}"),
            ))
        };
        if let Err(text) = fit(request, &self.header) {
            return protocol(text);
        }
        if let Some(malformed) = &self.malformed {
            return protocol(malformed.to_string());
        }
        // An error from the slave says more than the length of the data.
        decode_result(self.result).map_err(|text| Error::new(ErrorKind::Failed, text))?;
        if matches!(request.kind, READ | VERIFY) && self.size != u64::from(request.size) {
            return protocol(format!(
                "{} bytes of data for a size of {}",
                self.size, request.size
            ));
        }
        Ok(())
    }
}

/// Checks that a response has the address, size and type of its request.
pub(super) fn fit(request: &Header, response: &Header) -> Result<(), String> {
    let (a, b) = (request, response);
    if a.address != b.address {
        return Err(format!(
            "address {:#x} instead of {:#x}",
            b.address, a.address
        ));
    }
    if a.size != b.size {
        return Err(format!("size {} instead of {}", b.size, a.size));
    }
    if a.kind != b.kind {
        return Err(format!("type {} instead of {}", b.kind, a.kind));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::WRITE;

    const REQUEST: Header = Header {
        id: 1,
        address: 0x1000,
        size: 4,
        kind: READ,
    };

    fn response(header: Header, size: u64, result: &[u8]) -> Response<'_> {
        Response {
            header,
            malformed: None,
            size,
            data: None,
            result,
        }
    }

    #[test]
    fn a_response_must_fit_its_request() {
        assert_eq!(response(REQUEST, 4, b"OK").outcome(&REQUEST), Ok(()));
        for (header, size, word) in [
            (
                Header {
                    address: 0x1004,
                    ..REQUEST
                },
                4,
                "address 0x1004 instead of 0x1000",
            ),
            (Header { size: 8, ..REQUEST }, 8, "size 8 instead of 4"),
            (
                Header {
                    kind: WRITE,
                    ..REQUEST
                },
                4,
                "type 2 instead of 1",
            ),
            (REQUEST, 3, "3 bytes of data for a size of 4"),
        ] {
            let error = response(header, size, b"OK").outcome(&REQUEST).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert!(error.text().contains(word), "{error}");
        }
    }

    #[test]
    fn a_failure_is_told_in_the_words_of_the_slave() {
        let error = response(REQUEST, 0, b"no such register").outcome(&REQUEST);
        let error = error.unwrap_err();
        assert_eq!(
            (error.kind(), error.text()),
            (ErrorKind::Failed, "no such register")
        );
    }
}
