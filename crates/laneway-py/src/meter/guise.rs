//! What makes a meter pass for the coroutine that it runs.
//!
//! Programs and tools look at the coroutine of a task: they ask whether it is one, in which state
//! it is, whose it is, and keep it in sets. A measured program must get the answers that it would
//! get otherwise, so all of them are the coroutine's.

#![expect(unsafe_code, reason = "slots of a type are functions of C")]

use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3::ffi::{self, Py_hash_t, PyObject};
use pyo3::prelude::*;

use super::coroutine::{Meter, coroutine_in};

/// The table of computed attributes, which Python goes on reading for as long as the class lives.
///
/// `isinstance` asks for `__class__` where the type says no; `type` still tells the truth.
pub(super) fn attributes() -> *mut c_void {
    let class = ffi::PyGetSetDef {
        name: c"__class__".as_ptr(),
        get: Some(class),
        set: None,
        doc: c"The class of the coroutine that is run.".as_ptr(),
        closure: ptr::null_mut(),
    };
    Box::leak(Box::new([class, ffi::PyGetSetDef::default()])).as_mut_ptr().cast()
}

/// The table of members: where weak references to a meter are kept.
pub(super) fn members() -> *mut c_void {
    let weak_references = ffi::PyMemberDef {
        name: c"__weaklistoffset__".as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset_of!(Meter, weak_references).cast_signed(),
        flags: ffi::Py_READONLY,
        doc: ptr::null(),
    };
    Box::leak(Box::new([weak_references, ffi::PyMemberDef::default()])).as_mut_ptr().cast()
}

pub(super) unsafe extern "C" fn repr(own: *mut PyObject) -> *mut PyObject {
    // SAFETY: called with the GIL and a living instance.
    unsafe {
        let py = Python::assume_attached();
        let text = Bound::from_borrowed_ptr_or_opt(py, coroutine_in(own)).map_or_else(
            || Ok("nothing".into()),
            |inner| inner.repr().map(|text| text.to_string()),
        );
        match text
            .and_then(|text| format!("<Meter of {text}>").into_pyobject(py).map_err(Into::into))
        {
            Ok(text) => text.into_ptr(),
            Err(error) => {
                error.restore(py);
                ptr::null_mut()
            }
        }
    }
}

unsafe extern "C" fn class(own: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: called with the GIL and a living instance; a type is an object that its instances
    // keep alive.
    unsafe {
        let coroutine = coroutine_in(own);
        let seen = if coroutine.is_null() { own } else { coroutine };
        ffi::Py_NewRef(ffi::Py_TYPE(seen).cast())
    }
}

/// What the class lacks (`cr_frame`, `__qualname__` and their like) is the coroutine's.
pub(super) unsafe extern "C" fn getattro(own: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: called with the GIL, a living instance and a string.
    unsafe {
        let found = ffi::PyObject_GenericGetAttr(own, name);
        let coroutine = coroutine_in(own);
        if !found.is_null()
            || coroutine.is_null()
            || ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) == 0
        {
            return found;
        }
        ffi::PyErr_Clear();
        ffi::PyObject_GetAttr(coroutine, name)
    }
}

/// A coroutine can be renamed; it takes what is set, or refuses it.
pub(super) unsafe extern "C" fn setattro(
    own: *mut PyObject,
    name: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: called with the GIL, a living instance, a string, and a value or null.
    unsafe {
        match coroutine_in(own) {
            coroutine if coroutine.is_null() => ffi::PyObject_GenericSetAttr(own, name, value),
            coroutine => ffi::PyObject_SetAttr(coroutine, name, value),
        }
    }
}

/// It is found where the coroutine is kept,
pub(super) unsafe extern "C" fn hash(own: *mut PyObject) -> Py_hash_t {
    // SAFETY: called with the GIL and a living instance.
    unsafe {
        match coroutine_in(own) {
            coroutine if coroutine.is_null() => ffi::PyObject_HashNotImplemented(own),
            coroutine => ffi::PyObject_Hash(coroutine),
        }
    }
}

/// since it equals the coroutine.
pub(super) unsafe extern "C" fn compare(
    own: *mut PyObject,
    other: *mut PyObject,
    operation: c_int,
) -> *mut PyObject {
    // SAFETY: called with the GIL, a living instance of this class and any object; what is
    // compared is kept alive by the two.
    unsafe {
        let coroutine = coroutine_in(own);
        if coroutine.is_null() || !matches!(operation, ffi::Py_EQ | ffi::Py_NE) {
            return ffi::Py_NewRef(ffi::Py_NotImplemented());
        }
        let is_meter = ptr::eq(ffi::Py_TYPE(other), ffi::Py_TYPE(own));
        let other = if is_meter { coroutine_in(other) } else { other };
        if other.is_null() {
            return ffi::Py_NewRef(ffi::Py_NotImplemented());
        }
        ffi::PyObject_RichCompare(coroutine, other, operation)
    }
}
