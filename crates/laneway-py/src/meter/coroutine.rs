//! `Meter`: a coroutine that runs another one and bills each of its steps.
//!
//! The class is made by hand from slots instead of by PyO3, because PyO3 cannot express `am_send`:
//! with it a step raises no `StopIteration`, and nothing but the two clocks is paid for. All here
//! is limited API of Python 3.10.

#![expect(unsafe_code, reason = "slots of a type are functions of C")]

use std::cell::Cell;
use std::ffi::{c_int, c_uint, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi::{self, PyObject, PySendResult, PyTypeObject};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::account::{self, Account};
use super::attempt::Attempt;
use super::clock::monotonic_ns;
use super::guise;
use super::step::measured;
use super::tally::Tally;

/// The object as Python allocates it; a fresh one is filled with zeros.
#[repr(C)]
pub(super) struct Meter {
    base: PyObject,
    /// The coroutine that is run; null once the collector has cleared it.
    coroutine: Cell<*mut PyObject>,
    /// What is billed; it lives as long as `owner` does, or is `own`. Null once cleared.
    tally: Cell<*const Tally>,
    /// Whose the sums are: an `Account`, or for a child task of an attempt the attempt's meter, or
    /// for an attempt the meter of its task.
    owner: Cell<*mut PyObject>,
    /// How the context variable gets its value back; null in a child, which found it set.
    token: Cell<*mut PyObject>,
    has_begun: Cell<bool>,
    /// Python's list of weak references to it.
    pub(super) weak_references: Cell<*mut PyObject>,
    /// The sums of an attempt. They stand here, since a job that does nothing would feel the price
    /// of another object; all other meters bill an account and have none.
    own: Option<Attempt>,
}

static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();

const DOC: &std::ffi::CStr = c"Meter(coroutine, account, /)\n--\n\n\
    Runs a coroutine and bills each of its steps to an account.";

/// The class, registered as a kind of coroutine.
pub(super) fn class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    Ok(CLASS.get_or_try_init(py, || made(py))?.bind(py))
}

fn made(py: Python<'_>) -> PyResult<Py<PyType>> {
    let mut slots = slots();
    let mut spec = ffi::PyType_Spec {
        name: c"laneway._native.Meter".as_ptr(),
        basicsize: c_int::try_from(size_of::<Meter>())?,
        itemsize: 0,
        flags: c_uint::try_from(ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_GC)?,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the slots end with a zero and hold functions of the types that their numbers ask
    // for; Python copies them. The answer is a new reference or null with an exception.
    let class = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&raw mut spec))? };
    py.import("collections.abc")?.getattr("Coroutine")?.call_method1("register", (&class,))?;
    Ok(class.cast_into::<PyType>()?.unbind())
}

fn slots() -> [ffi::PyType_Slot; 18] {
    let slot = |slot, function: *mut c_void| ffi::PyType_Slot { slot, pfunc: function };
    [
        slot(ffi::Py_tp_new, new as *mut c_void),
        slot(ffi::Py_tp_dealloc, dealloc as *mut c_void),
        slot(ffi::Py_tp_traverse, traverse as *mut c_void),
        slot(ffi::Py_tp_clear, clear as *mut c_void),
        slot(ffi::Py_tp_repr, guise::repr as *mut c_void),
        slot(ffi::Py_tp_getattro, guise::getattro as *mut c_void),
        slot(ffi::Py_tp_setattro, guise::setattro as *mut c_void),
        slot(ffi::Py_tp_hash, guise::hash as *mut c_void),
        slot(ffi::Py_tp_richcompare, guise::compare as *mut c_void),
        slot(ffi::Py_tp_getset, guise::attributes()),
        slot(ffi::Py_tp_members, guise::members()),
        slot(ffi::Py_tp_iter, itself as *mut c_void),
        slot(ffi::Py_tp_iternext, iternext as *mut c_void),
        slot(ffi::Py_am_await, itself as *mut c_void),
        slot(ffi::Py_am_send, am_send as *mut c_void),
        slot(ffi::Py_tp_methods, methods().cast()),
        slot(ffi::Py_tp_doc, DOC.as_ptr().cast_mut().cast()),
        slot(0, ptr::null_mut()),
    ]
}

/// The table of methods, which Python goes on reading for as long as the class lives.
fn methods() -> *mut ffi::PyMethodDef {
    let method = |name: &'static std::ffi::CStr, function, flags, doc: &'static std::ffi::CStr| {
        ffi::PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunction: function },
            ml_flags: flags,
            ml_doc: doc.as_ptr(),
        }
    };
    let table = [
        method(
            c"send",
            send,
            ffi::METH_O,
            c"send($self, value, /)\n--\n\nRuns the next step, with a value.",
        ),
        method(
            c"throw",
            throw,
            ffi::METH_VARARGS,
            c"throw($self, typ, val=None, tb=None, /)\n--\n\nRuns the next step, with an exception.",
        ),
        method(
            c"close",
            close,
            ffi::METH_NOARGS,
            c"close($self, /)\n--\n\nEnds the coroutine where it is suspended.",
        ),
        ffi::PyMethodDef::zeroed(),
    ];
    Box::leak(Box::new(table)).as_mut_ptr()
}

/// The object behind a slot's first argument.
///
/// # Safety
///
/// `own` must be an instance of this class, used for as long only as the caller's reference lives.
unsafe fn meter<'a>(own: *mut PyObject) -> &'a Meter {
    // SAFETY: as promised by the caller; instances are laid out as `Meter`.
    unsafe { &*own.cast::<Meter>() }
}

/// The coroutine that a meter runs: borrowed, or null once the collector has cleared it.
///
/// # Safety
///
/// As for `meter`.
pub(super) unsafe fn coroutine_in(own: *mut PyObject) -> *mut PyObject {
    // SAFETY: as promised by the caller.
    unsafe { meter(own) }.coroutine.get()
}

unsafe extern "C" fn new(
    class: *mut PyTypeObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: Python calls this with the GIL, a class, a tuple, and a dict or null.
    unsafe {
        let py = Python::assume_attached();
        let arguments = Bound::from_borrowed_ptr(py, arguments);
        let keywords = Bound::from_borrowed_ptr_or_opt(py, keywords);
        match parsed(&arguments, keywords.as_ref()) {
            Ok(parts) => allocated(class, parts),
            Err(error) => {
                error.restore(py);
                ptr::null_mut()
            }
        }
    }
}

/// What a fresh meter is filled with.
pub(super) struct Parts<'py> {
    pub(super) coroutine: Bound<'py, PyAny>,
    pub(super) owner: Bound<'py, PyAny>,
    /// It lives as long as `owner`.
    pub(super) tally: *const Tally,
    /// Whether the context names what is billed already, so that nothing is to be set there.
    pub(super) is_entered: bool,
}

/// A meter with its parts, or null with an exception.
///
/// # Safety
///
/// The GIL is held and `class` is `Meter`.
unsafe fn allocated(class: *mut PyTypeObject, parts: Parts<'_>) -> *mut PyObject {
    // SAFETY: as promised by the caller.
    unsafe {
        let own = ffi::PyType_GenericAlloc(class, 0);
        if let Some(own) = NonNull::new(own) {
            // Zeros need not be a `None`.
            (&raw mut (*own.cast::<Meter>().as_ptr()).own).write(None);
            let meter = meter(own.as_ptr());
            meter.tally.set(parts.tally);
            meter.coroutine.set(parts.coroutine.into_ptr());
            meter.owner.set(parts.owner.into_ptr());
            meter.has_begun.set(parts.is_entered);
        }
        own
    }
}

/// A meter with its parts.
pub(super) fn made_of(parts: Parts<'_>) -> PyResult<Bound<'_, PyAny>> {
    let py = parts.coroutine.py();
    let class = class(py)?.as_type_ptr();
    // SAFETY: the GIL is held, as `py` proves; the answer is a new reference or null.
    unsafe { Bound::from_owned_ptr_or_err(py, allocated(class, parts)) }
}

/// A meter with sums of its own, whose time is that from the first step to the last.
pub(super) fn made_for_attempt<'py>(
    coroutine: Bound<'py, PyAny>,
    owner: Bound<'py, PyAny>,
    attempt: Attempt,
) -> PyResult<Bound<'py, PyAny>> {
    let parts = Parts { coroutine, owner, tally: ptr::null(), is_entered: true };
    let object = made_of(parts)?;
    // SAFETY: nobody else has seen the object yet, and the `None` that is overwritten needs no
    // drop. The sums stay where they are, as objects do.
    unsafe {
        let meter = object.as_ptr().cast::<Meter>();
        (&raw mut (*meter).own).write(Some(attempt));
        (*meter).tally.set((*meter).own.as_ref().map_or(ptr::null(), |own| &raw const own.tally));
    }
    Ok(object)
}

/// The meter behind an object that is one.
pub(super) fn meter_in<'a>(object: &'a Bound<'_, PyAny>) -> Option<&'a Meter> {
    let class = CLASS.get(object.py())?;
    // SAFETY: every instance of the class is laid out so, and lives as long as the reference.
    object.get_type().is(class).then(|| unsafe { meter(object.as_ptr()) })
}

impl Meter {
    /// What is billed; null once the collector has cleared it.
    pub(super) const fn tally(&self) -> *const Tally {
        self.tally.get()
    }

    /// The sums of an attempt.
    pub(super) const fn attempt(&self) -> Option<&Attempt> {
        self.own.as_ref()
    }

    /// Whose the sums are.
    pub(super) fn owner<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        // SAFETY: it is an owned reference or null.
        unsafe { Bound::from_borrowed_ptr_or_opt(py, self.owner.get()) }
    }
}

fn parsed<'py>(
    arguments: &Bound<'py, PyAny>,
    keywords: Option<&Bound<'py, PyAny>>,
) -> PyResult<Parts<'py>> {
    if let Some(keywords) = keywords
        && !keywords.cast::<PyDict>()?.is_empty()
    {
        return Err(PyTypeError::new_err("Meter() takes no keyword arguments"));
    }
    let arguments = arguments.cast::<PyTuple>()?;
    if arguments.len() != 2 {
        return Err(PyTypeError::new_err("Meter() takes a coroutine and an account"));
    }
    let coroutine = arguments.get_item(0)?;
    // Every kind of coroutine has it: Python's own, Cython's, and another meter.
    if !coroutine.hasattr("send")? {
        let what = coroutine.get_type();
        return Err(PyTypeError::new_err(format!("Meter() needs a coroutine, not {what}")));
    }
    let account = arguments.get_item(1)?.cast_into::<Account>()?;
    let tally = Arc::as_ptr(&account.get().0);
    Ok(Parts { coroutine, owner: account.into_any(), tally, is_entered: false })
}

unsafe extern "C" fn dealloc(own: *mut PyObject) {
    // SAFETY: this is the last reference; an object is untracked before its parts go, and its
    // class, which every instance of a heap type holds, goes last.
    unsafe {
        let class = ffi::Py_TYPE(own);
        ffi::PyObject_GC_UnTrack(own.cast());
        if !meter(own).weak_references.get().is_null() {
            ffi::PyObject_ClearWeakRefs(own);
        }
        clear(own);
        ptr::drop_in_place(&raw mut (*own.cast::<Meter>()).own);
        ffi::PyObject_GC_Del(own.cast());
        ffi::Py_DECREF(class.cast());
    }
}

unsafe extern "C" fn traverse(
    own: *mut PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the collector passes a living instance and its own visitor.
    unsafe {
        let meter = meter(own);
        let parts = [meter.coroutine.get(), meter.owner.get(), meter.token.get()];
        for part in parts.into_iter().chain([ffi::Py_TYPE(own).cast()]) {
            if !part.is_null() {
                let stop = visit(part, argument);
                if stop != 0 {
                    return stop;
                }
            }
        }
    }
    0
}

unsafe extern "C" fn clear(own: *mut PyObject) -> c_int {
    // SAFETY: each pointer is an owned reference or null, and is forgotten before its reference is
    // dropped, which may run any code.
    unsafe {
        let meter = meter(own);
        meter.tally.set(ptr::null());
        for part in [&meter.coroutine, &meter.token, &meter.owner] {
            ffi::Py_XDECREF(part.replace(ptr::null_mut()));
        }
    }
    0
}

unsafe extern "C" fn itself(own: *mut PyObject) -> *mut PyObject {
    // SAFETY: called with the GIL and a living instance.
    unsafe { ffi::Py_NewRef(own) }
}

/// The hot path: a step of the coroutine between two readings of the clocks.
unsafe extern "C" fn am_send(
    own: *mut PyObject,
    value: *mut PyObject,
    result: *mut *mut PyObject,
) -> PySendResult {
    // SAFETY: called with the GIL and a living instance, whose parts live until it is collected.
    unsafe {
        let step = |coroutine| ffi::PyIter_Send(coroutine, value, result);
        match stepped(own, step) {
            Some(PySendResult::PYGEN_NEXT) => PySendResult::PYGEN_NEXT,
            Some(end) => {
                leave(own);
                end
            }
            None => {
                *result = ptr::null_mut();
                PySendResult::PYGEN_ERROR
            }
        }
    }
}

/// Runs and bills a step; `None` with an exception set if it cannot run.
///
/// # Safety
///
/// The GIL is held and `own` is a living instance.
#[inline]
unsafe fn stepped<T>(own: *mut PyObject, step: impl FnOnce(*mut PyObject) -> T) -> Option<T> {
    // SAFETY: as promised by the caller. The tally is the instance's own, or lives as long as its
    // owner, which lives as long as the instance: one that runs is reachable and so is not cleared.
    unsafe {
        let meter = meter(own);
        if meter.tally.get().is_null() {
            cleared();
            return None;
        }
        if !meter.has_begun.get() && enter(meter).is_none() {
            return None;
        }
        Some(measured(&*meter.tally.get(), || step(meter.coroutine.get())))
    }
}

/// Prepares the first step: from here on the account is that of the context, in which child tasks
/// are created. `None` with an exception set if that fails.
#[cold]
unsafe fn enter(meter: &Meter) -> Option<()> {
    // SAFETY: called with the GIL and a living instance.
    unsafe {
        let py = Python::assume_attached();
        match entered(py, meter) {
            Ok(()) => Some(()),
            Err(error) => {
                error.restore(py);
                None
            }
        }
    }
}

unsafe fn entered(py: Python<'_>, meter: &Meter) -> PyResult<()> {
    // SAFETY: both are owned references or null, and the tally lives as long as the account.
    let (account, tally) = unsafe {
        match Bound::from_borrowed_ptr_or_opt(py, meter.owner.get()) {
            Some(account) => (account, &*meter.tally.get()),
            None => return Err(PyRuntimeError::new_err("the meter has been cleared")),
        }
    };
    let is_present = account::present(py)?.is_some_and(|present| present.is(&account));
    if !is_present {
        let variable = account::variable(py)?;
        meter.token.set(variable.call_method1(intern!(py, "set"), (account,))?.into_ptr());
        tally.start(monotonic_ns());
    }
    meter.has_begun.set(true);
    Ok(())
}

/// Sets the exception for a meter that the collector has emptied.
#[cold]
unsafe fn cleared() {
    // SAFETY: called with the GIL.
    let py = unsafe { Python::assume_attached() };
    PyRuntimeError::new_err("the meter has been cleared").restore(py);
}

/// Ends what `enter` began, and leaves the exception that is set as it is.
#[inline]
unsafe fn leave(own: *mut PyObject) {
    // SAFETY: called with the GIL and a living instance.
    unsafe {
        let meter = meter(own);
        let token = meter.token.replace(ptr::null_mut());
        if meter.tally.get().is_null() {
            ffi::Py_XDECREF(token);
        } else if !token.is_null() {
            left(meter.tally.get(), token);
        } else if let Some(own) = meter.own.as_ref().filter(|own| !own.tally.has_ended()) {
            own.tally.end();
        }
    }
}

#[cold]
unsafe fn left(tally: *const Tally, token: *mut PyObject) {
    // SAFETY: called with the GIL and an owned reference; the tally lives as long as the instance.
    unsafe {
        let py = Python::assume_attached();
        let raised = PyErr::take(py);
        (*tally).end();
        if let Some(sink) = (*tally).sink() {
            let kind = raised.as_ref().and_then(|raised| failure(py, raised));
            sink.ended(&*tally, kind.as_deref());
        }
        let token = Bound::from_owned_ptr(py, token);
        // It fails when the coroutine is ended in another context than it began in, as the
        // collector does; then there is no value to give back.
        if let Ok(variable) = account::variable(py) {
            drop(variable.call_method1(intern!(py, "reset"), (token,)));
        }
        if let Some(raised) = raised {
            raised.restore(py);
        }
    }
}

/// The type of an exception that is a failure of the task; a cancellation and the end of a
/// coroutine are none.
fn failure(py: Python<'_>, raised: &PyErr) -> Option<String> {
    static CANCELLED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let cancelled = CANCELLED.import(py, "asyncio", "CancelledError").ok()?;
    let is_end = raised.is_instance(py, cancelled)
        || raised.is_instance_of::<pyo3::exceptions::PyStopIteration>(py)
        || raised.is_instance_of::<pyo3::exceptions::PyGeneratorExit>(py);
    if is_end {
        return None;
    }
    raised.get_type(py).qualname().ok().map(|name| name.to_string())
}

unsafe extern "C" fn iternext(own: *mut PyObject) -> *mut PyObject {
    // SAFETY: called with the GIL and a living instance; None lives for ever.
    unsafe { send(own, ffi::Py_None()) }
}

unsafe extern "C" fn send(own: *mut PyObject, value: *mut PyObject) -> *mut PyObject {
    let mut result = ptr::null_mut();
    // SAFETY: called with the GIL and a living instance.
    unsafe {
        match am_send(own, value, &raw mut result) {
            PySendResult::PYGEN_NEXT => result,
            PySendResult::PYGEN_RETURN => {
                stop_with(result);
                ptr::null_mut()
            }
            PySendResult::PYGEN_ERROR => ptr::null_mut(),
        }
    }
}

/// Sets a `StopIteration` that carries the value, which it takes over.
///
/// It is made before it is set: a tuple or an exception would otherwise be taken for arguments.
unsafe fn stop_with(value: *mut PyObject) {
    // SAFETY: called with the GIL and an owned reference.
    unsafe {
        let stop = ffi::PyObject_CallFunctionObjArgs(
            ffi::PyExc_StopIteration,
            value,
            ptr::null_mut::<PyObject>(),
        );
        ffi::Py_DECREF(value);
        if !stop.is_null() {
            ffi::PyErr_SetObject(ffi::PyExc_StopIteration, stop);
            ffi::Py_DECREF(stop);
        }
    }
}

unsafe extern "C" fn throw(own: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    // SAFETY: called with the GIL, a living instance and a tuple.
    unsafe { called(own, c"throw", arguments) }
}

unsafe extern "C" fn close(own: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: called with the GIL and a living instance; the tuple is dropped after the call.
    unsafe {
        let arguments = ffi::PyTuple_New(0);
        if arguments.is_null() {
            return ptr::null_mut();
        }
        let closed = called(own, c"close", arguments);
        ffi::Py_DECREF(arguments);
        if !closed.is_null() {
            leave(own);
        }
        closed
    }
}

/// Calls a method of the coroutine as a step.
unsafe fn called(
    own: *mut PyObject,
    name: &std::ffi::CStr,
    arguments: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called with the GIL, a living instance and a tuple.
    unsafe {
        let coroutine = meter(own).coroutine.get();
        if coroutine.is_null() {
            return ffi::Py_NewRef(ffi::Py_None());
        }
        let method = ffi::PyObject_GetAttrString(coroutine, name.as_ptr());
        if method.is_null() {
            return ptr::null_mut();
        }
        let call = |_| ffi::PyObject_CallObject(method, arguments);
        let result = stepped(own, call).unwrap_or(ptr::null_mut());
        ffi::Py_DECREF(method);
        if result.is_null() {
            leave(own);
        }
        result
    }
}
