/* hw/acpi/aml.h - writing ACPI Machine Language: what follows goes into what was opened last.
 *
 * Names are of four characters, padded with '_' here; a path of one name, or \ and names joined by '.'.
 * Source: ACPI 6.4, chapter 20 (encoding), 6.4 (resource descriptors). */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct str;

/** aml_scope, aml_device, aml_method, aml_package, aml_resources - open; what they return goes to aml_close(). A package is
 * opened as the value of a name, or inside another; its elements are counted by the caller. */
size_t aml_scope(struct str *a, const char *path);
size_t aml_device(struct str *a, const char *name);
size_t aml_method(struct str *a, const char *name, unsigned args);
size_t aml_package(struct str *a, unsigned elements);
/** aml_resources - a template, as the value of a name. aml_resources_close - ends it. */
size_t aml_resources(struct str *a);
void aml_resources_close(struct str *a, size_t opened);
void aml_close(struct str *a, size_t opened);

/** aml_name - a name; its value follows. aml_int, aml_string - values. */
void aml_name(struct str *a, const char *name);
void aml_int(struct str *a, uint64_t v);
void aml_string(struct str *a, const char *text);
void aml_name_int(struct str *a, const char *name, uint64_t v);
void aml_name_string(struct str *a, const char *name, const char *text);
/** aml_hid - a name whose value is a compressed identifier, "PNP0A08". */
void aml_hid(struct str *a, const char *name, const char *id);
/** aml_notify - tell a device something. */
void aml_notify(struct str *a, const char *path, uint64_t what);

/* Inside a method: an operator, then its operands; AND and OR end with where the result goes.
 * AML_DWORD_FIELD: of a buffer, at a byte, gets a name. */
enum aml_op { AML_AND = 0x7b, AML_OR = 0x7d, AML_DWORD_FIELD = 0x8a, AML_NOT = 0x92, AML_EQUAL = 0x93, AML_RETURN = 0xa4 };
void aml_op(struct str *a, enum aml_op op);
void aml_arg(struct str *a, unsigned n);
void aml_ref(struct str *a, const char *name);
/** aml_uuid - a buffer of 16 bytes, as ToUUID makes it. */
void aml_uuid(struct str *a, const char *text);
/** aml_if, aml_else - open: the condition (of if) and what is done follow. */
size_t aml_if(struct str *a);
size_t aml_else(struct str *a);

/* Inside a template. */
void aml_memory32(struct str *a, uint32_t base, uint32_t len);
enum aml_trigger { AML_LEVEL, AML_EDGE };
/** aml_interrupt - a line that is active high, of the OS's alone. */
void aml_interrupt(struct str *a, uint32_t gsi, enum aml_trigger trigger);
void aml_bus_numbers(struct str *a, uint16_t first, uint16_t last);
/** aml_window_* - what a bridge passes on: addresses as the bus sees them; I/O is memory at @cpu for the CPU. */
void aml_window32(struct str *a, uint32_t base, uint32_t len);
void aml_window64(struct str *a, uint64_t base, uint64_t len);
void aml_window_io(struct str *a, uint32_t cpu, uint32_t len);
/** aml_gpio_interrupt - line @pin of a controller, on its rising edge. */
void aml_gpio_interrupt(struct str *a, const char *controller, uint16_t pin);
