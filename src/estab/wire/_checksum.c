/* The one's-complement sum of a buffer (RFC 1071), as estab.wire.checksum.ones_sum: nothing else is worth C here. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Words are summed in the order of the machine; the sum of swapped words is the swapped sum (RFC 1071 §2 B). */
static uint32_t sum_words(const unsigned char *data, Py_ssize_t length)
{
    uint64_t total = 0;
    uint32_t word;
    for (; length >= 4; data += 4, length -= 4) {
        memcpy(&word, data, 4);
        total += word;
    }
    word = 0;
    memcpy(&word, data, (size_t)length);
    total += word;
    while (total >> 16)
        total = (total & 0xFFFF) + (total >> 16);
    return (uint32_t)total;
}

static PyObject *ones_sum(PyObject *Py_UNUSED(module), PyObject *data)
{
    const uint16_t one = 1;
    uint32_t total;
    Py_buffer view;
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    total = sum_words(view.buf, view.len);
    PyBuffer_Release(&view);
    if (*(const unsigned char *)&one)
        total = (total & 0xFF) << 8 | total >> 8;
    return PyLong_FromLong((long)total);
}

static PyMethodDef methods[] = {
    {"ones_sum", ones_sum, METH_O, "The one's-complement sum of data, folded to 16 bits, not inverted."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "estab.wire._checksum", "The sum of estab.wire.checksum in C.", 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__checksum(void)
{
    return PyModuleDef_Init(&module);
}
