//! The response to the only transaction that waits, received in one system call: its head, its data
//! where it belongs, and what comes behind it.
//!
//! The head of a response is known beforehand, but for failures and for PINGs. Taking a look at the
//! head first, and receiving the data with a second call, takes twice the time on one core for a
//! block of 1 MiB, for plain sockets too (`docs/performance.md`).

use std::io::ErrorKind;

use super::{Reader, LOOK_AHEAD};
use crate::endpoint::client::connection::{Connection, Entry, ReadError};
use crate::endpoint::client::link::{Shared, READ_LIMIT};
use crate::endpoint::socket::{self, Mode, Until};
use crate::wire::response_head;

impl Reader {
    /// The transaction whose response is to come next and has not begun to come, if it is one that
    /// reads much data.
    pub(super) fn expected(&self, connection: &Connection) -> Option<Entry> {
        (self.decoder.is_between() && self.current.is_none()).then(|| connection.only_large())?
    }

    /// Receives once, taking the response to `entry` for what comes next. `None`: there is no place
    /// for its data any more, and nothing was received.
    pub(super) fn receive_expected(
        &mut self,
        connection: &Connection,
        shared: &Shared,
        mode: Mode,
        entry: &Entry,
    ) -> Result<Option<bool>, ReadError> {
        // Not under the lock: its master may want to give up.
        if mode == Mode::Wait && !socket::wait(&connection.responses, Until::Readable, READ_LIMIT) {
            return Ok(Some(false));
        }
        let mut lock = entry.transaction.lock();
        let size = entry.header.size as usize;
        let Some(place) = lock.bytes_mut().filter(|place| place.len() == size) else {
            return Ok(None);
        };
        let expected = response_head(&entry.header, size);
        let (head, behind) = self.buffer.split_at_mut(expected.len());
        let parts = [&mut *head, &mut *place, &mut behind[..LOOK_AHEAD]];
        let count = match socket::receive_parts(&connection.responses, parts) {
            Ok(0) => return Err(ReadError::End),
            Ok(count) => count,
            Err(error) if socket::is_early(&error) => return Ok(Some(false)),
            Err(error) => return Err(ReadError::Io(error)),
        };
        let in_head = count.min(expected.len());
        let in_place = (count - in_head).min(size);
        let beyond = count - in_head - in_place;
        let as_expected = *head == *expected;
        // If something else has come, no byte of it is to be seen where data belongs.
        let mut stray = Vec::new();
        if !as_expected {
            stray
                .try_reserve_exact(in_place)
                .map_err(|_| ReadError::Io(ErrorKind::OutOfMemory.into()))?;
            stray.extend_from_slice(&place[..in_place]);
            place[..in_place].fill(0);
        }
        drop(lock);

        let start_of_rest = expected.len();
        self.work_buffer(connection, shared, 0..in_head)?;
        if as_expected {
            if let Some(current) = &mut self.current {
                current.offset += in_place;
            }
            self.decoder.data_taken(in_place as u64);
        } else {
            self.work(connection, shared, &stray)?;
        }
        if in_place == size {
            self.work_buffer(connection, shared, start_of_rest..start_of_rest + beyond)?;
        }
        Ok(Some(true))
    }
}
