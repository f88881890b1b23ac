//! A network whose generated code is read like other code: see the README beside it.

include!(concat!(env!("OUT_DIR"), "/iris.rs"));
