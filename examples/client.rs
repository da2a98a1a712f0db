//! Uses the registers of a server: `cargo run --example client [port]`.

use std::process::ExitCode;
use std::time::Duration;

use rogue_memory_bridge::{ClientOptions, ErrorKind, Result, TcpClient};

fn main() -> ExitCode {
    let port = std::env::args()
        .nth(1)
        .map_or(Ok(8000), |port| port.parse());
    let Ok(port) = port else {
        eprintln!("usage: client [port]");
        return ExitCode::FAILURE;
    };
    match work(port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The text names the server and the reason.
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn work(port: u16) -> Result<()> {
    // Returns at once; the first access waits for the connection.
    let client = TcpClient::new("127.0.0.1", port, ClientOptions::default())?;

    client.write_u32(0x100, 0x1234_5678)?;
    println!("read back: {:#x}", client.read_u32(0x100)?);

    let mut block = [0; 16];
    client.read(0x100, &mut block)?;
    println!("block: {block:02x?}");

    // With a time of its own, and an error that is expected.
    let timed = client.with_timeout(Duration::from_millis(200));
    match timed.read_u32(0xFFFF_0000) {
        Err(error) if error.kind() == ErrorKind::Failed => println!("the slave says: {error}"),
        other => println!("unexpected: {other:?}"),
    }
    Ok(())
}
