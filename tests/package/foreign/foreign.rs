//! A library of somebody else's, in Rust, with all of Rust's standard library in it. It allocates, formats, panics and
//! catches, so that the parts which exist once in a program are used.

/// How many characters `number` has, found by way of a panic.
#[no_mangle]
pub extern "C" fn foreign_digits(number: u32) -> usize {
    let caught =
        std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(number.to_string())));
    let text = caught
        .map(|_: ()| String::new())
        .unwrap_or_else(|text| *text.downcast::<String>().unwrap());
    std::thread::spawn(move || text.len()).join().unwrap()
}
