//! Makes an EC2 instance a data scientist's machine.

fn main() {}
