//! A server and an asynchronous client in one process, under tokio; any executor will do:
//! `cargo run --example async_client`.

use std::sync::Arc;

use rogue_memory_bridge::{ClientOptions, Emulate, Result, ServerOptions, TcpClient, TcpServer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let memory = Arc::new(Emulate::new(4, 4096));
    let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default())?.serve(memory)?;

    let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default())?;
    let client = Arc::new(client);

    // Tasks share the client; their requests are under way together.
    let tasks: Vec<_> = (0..8u32)
        .map(|n| {
            let client = Arc::clone(&client);
            tokio::spawn(async move {
                let address = u64::from(n) * 4;
                client.write_u32_async(address, n * n).await?;
                client.read_u32_async(address).await
            })
        })
        .collect();
    for task in tasks {
        println!("{}", task.await.expect("the task has not panicked")?);
    }

    // A future may be dropped at any time: the bytes it works on are its own.
    tokio::select! {
        data = client.read_async(0, 32) => println!("{:?}", data?),
        () = tokio::task::yield_now() => println!("not yet"),
    }
    Ok(())
}
