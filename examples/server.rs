//! Offers registers on the network, until Ctrl-C: `cargo run --example server [port]`.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use rogue_memory_bridge::{
    Access, Error, Result, ServerOptions, Slave, SlaveBase, TcpServer, Transaction,
};

/// Registers, from address 0 on.
struct Registers {
    base: SlaveBase,
    bytes: Mutex<Vec<u8>>,
}

impl Registers {
    fn new(size: usize) -> Registers {
        Registers {
            // Accesses of 4 bytes to 4 KiB; the server refuses others.
            base: SlaveBase::new(4, 4096),
            bytes: Mutex::new(vec![0; size]),
        }
    }
}

impl Slave for Registers {
    fn do_transaction(&self, transaction: Transaction) {
        let begin = transaction.address() as usize;
        let end = begin.saturating_add(transaction.size() as usize);
        transaction.complete(|access| {
            let mut bytes = self.bytes.lock().unwrap();
            let place = bytes.get_mut(begin..end);
            let place = place.ok_or_else(|| Error::failed("no such register"))?;
            match access {
                Access::Read(data) => data.copy_from_slice(place),
                Access::Write(data) => place.copy_from_slice(data),
            }
            Ok(())
        });
    }

    fn base(&self) -> &SlaveBase {
        &self.base
    }
}

fn main() -> ExitCode {
    let port = std::env::args()
        .nth(1)
        .map_or(Ok(8000), |port| port.parse());
    let Ok(port) = port else {
        eprintln!("usage: server [port]");
        return ExitCode::FAILURE;
    };
    match serve(port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(port: u16) -> Result<()> {
    // This machine alone, on `port` and the one after it; "*" listens on all interfaces.
    let server = TcpServer::bind("127.0.0.1", port, ServerOptions::default())?;
    let serving = server.serve(Arc::new(Registers::new(0x1_0000)))?;
    println!("ports {} and {}", serving.port(), serving.port() + 1);
    // The server's own thread does the work.
    loop {
        std::thread::park();
    }
}
