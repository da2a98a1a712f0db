// Stops servers and drops slaves as the Python interpreter requires.
#include "interpreter.h"

#include "server.h"

#ifndef NO_PYTHON
#include "rogue/GilRelease.h"
#include "rogue/ScopedGil.h"

#include <boost/python.hpp>
#endif

namespace rogue_memory_bridge RMB_HIDDEN {

#ifdef NO_PYTHON

void drop(rim::SlavePtr& slave) { slave.reset(); }

#else

namespace {

/// How long the exit of the interpreter waits for the slave of each server.
const std::chrono::milliseconds patienceAtExit(1000);

PyObject* stopServers(PyObject*, PyObject*) {
    {
        rogue::GilRelease noGil;
        Server::stopAll(patienceAtExit);
    }
    Py_RETURN_NONE;
}

PyMethodDef stopServersMethod = {"_stop_memory_bridge_servers", stopServers, METH_NOARGS, nullptr};

} // namespace

void drop(rim::SlavePtr& slave) {
    if (!Py_IsInitialized()) {
        slave.reset();
        return;
    }
    rogue::ScopedGil gil;
    slave.reset();
}

void stopServersAtExit() {
    PyObject* const module = PyImport_ImportModule("atexit");
    PyObject* const function = PyCFunction_New(&stopServersMethod, nullptr);
    PyObject* const result = module != nullptr && function != nullptr
                                 ? PyObject_CallMethod(module, "register", "O", function)
                                 : nullptr;
    Py_XDECREF(module);
    Py_XDECREF(function);
    if (result == nullptr) boost::python::throw_error_already_set();
    Py_XDECREF(result);
}

#endif

} // namespace RMB_HIDDEN
