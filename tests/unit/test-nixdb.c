/* SPDX-License-Identifier: MIT */
#include "init/nix/nixdb.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "tests/unit/nixfixture.h"
#include "tests/unit/unit.h"

static unsigned mode_of(const struct nixfixture *f, const char *name)
{
    struct stat st;
    char *path CLEANUP_FREE = xasprintf("%s/%s", f->state_dir, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void a_new_database_has_the_files_and_rows_of_nix(void **state)
{
    struct nixfixture *f = *state;
    struct nixtarget_result result;
    assert_int_equal(nixfixture_register(f, B "\n" H1 "\n0\n" C "\n2\n" B "\n" A "\n" ENTRY(A, H2),
                                         &result, NULL),
                     0);
    assert_true(result.created);
    assert_int_equal(result.paths, 2);
    assert_int_equal(result.added, 2);
    assert_int_equal(result.references, 2);
    nixfixture_expect(f,
                      "select id, path, hash, deriver, narSize, ultimate, sigs, ca from ValidPaths",
                      "1|" A "|" H2 "|-|10|-|-|-\n2|" B "|" H1 "|" C "|-|-|-|-\n");
    nixfixture_expect(f, "select rowid, * from Refs", "1|2|1\n2|2|2\n");
    nixfixture_expect(f, "select * from sqlite_sequence", "ValidPaths|2\n");
    nixfixture_expect(f, "pragma journal_mode", "wal\n");
    nixfixture_expect(f,
                      "select registrationTime between unixepoch() - 60 and unixepoch() from "
                      "ValidPaths",
                      "1\n1\n");
    assert_int_equal(mode_of(f, "db"), 0755);
    assert_int_equal(mode_of(f, "db/db.sqlite"), 0644);
    assert_int_equal(mode_of(f, "db/schema"), 0644);
    assert_int_equal(mode_of(f, "db/big-lock"), 0600);
    assert_int_equal(mode_of(f, "db/reserved"), 0600);
    size_t length;
    char *schema CLEANUP_FREE = xasprintf("%s/db/schema", f->state_dir);
    char *number CLEANUP_FREE = nixfixture_read(schema, &length);
    assert_int_equal(length, 2);
    assert_string_equal(number, "10");
}

static void registering_again_touches_no_file(void **state)
{
    struct nixfixture *f = *state;
    struct nixtarget_result result;
    static const char text[] = ENTRY(A, H1) REFERS(B, H1, B) REFERS(C, H2, A);
    assert_int_equal(nixfixture_register(f, text, NULL, NULL), 0);
    char *before CLEANUP_FREE = nixfixture_list(f);
    assert_int_equal(nixfixture_register(f, text, &result, NULL), 0);
    char *after CLEANUP_FREE = nixfixture_list(f);
    assert_string_equal(after, before);
    assert_int_equal(result.paths, 3);
    assert_int_equal(result.added + result.updated + result.references, 0);
    assert_false(result.created);
}

static void known_paths_are_updated_and_others_left_alone(void **state)
{
    struct nixfixture *f = *state;
    struct nixtarget_result result;
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1) ENTRY(B, H1) REFERS(C, H1, A), NULL, NULL),
                     0);
    free(nixfixture_query(f,
                          "update ValidPaths set id = id + 40, registrationTime = 7, sigs = 'k:x', "
                          "ca = 'text:y', ultimate = 1, deriver = '" D "';"
                          "update Refs set referrer = 43, reference = 41"));
    assert_int_equal(nixfixture_register(f, REFERS(C, H2, B) ENTRY(B, H1), &result, NULL), 0);
    assert_int_equal(result.added, 0);
    assert_int_equal(result.updated, 2);
    assert_int_equal(result.references, 1);
    nixfixture_expect(f, "select * from ValidPaths",
                      "41|" A "|" H1 "|7|" D "|10|1|k:x|text:y\n"
                      "42|" B "|" H1 "|7|" D "|10|-|k:x|text:y\n"
                      "43|" C "|" H2 "|7|" D "|10|-|k:x|text:y\n");
    nixfixture_expect(f, "select * from Refs", "43|41\n43|42\n");
}

static void a_reference_may_be_to_a_path_that_only_the_database_has(void **state)
{
    struct nixfixture *f = *state;
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    assert_int_equal(nixfixture_register(f, REFERS(B, H1, A), NULL, NULL), 0);
    nixfixture_expect(f, "select * from Refs", "2|1\n");
}

static void a_reference_to_nowhere_is_named_and_nothing_written(void **state)
{
    struct nixfixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(nixfixture_register(f, REFERS(A, H1, B), NULL, &e), -EBADMSG);
    assert_error_names(e, "registration:6:", A, B, "not in the registration");
    assert_int_equal(access(f->state_dir, F_OK), -1);

    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    char *before CLEANUP_FREE = nixfixture_query(f, "select * from ValidPaths");
    assert_int_equal(nixfixture_register(f, ENTRY(A, H2) REFERS(B, H1, C), NULL, &e), -EBADMSG);
    assert_error_names(e, "registration:11:", B, C, "nor in the database");
    nixfixture_expect(f, "select * from ValidPaths", before);
}

static void a_bad_registration_changes_nothing(void **state)
{
    struct nixfixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    char *before CLEANUP_FREE = nixfixture_list(f);
    assert_int_equal(nixfixture_register(f, ENTRY(A, H2) B "\n" H1 "\n1x\n\n0\n", NULL, &e),
                     -EBADMSG);
    char *after CLEANUP_FREE = nixfixture_list(f);
    assert_string_equal(after, before);
    assert_error_names(e, "registration:8:", "1x");
}

static void a_derivations_outputs_are_those_in_its_file(void **state)
{
    struct nixfixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    static const char drv[] = "Derive([(\"dev\",\"" B "\",\"\",\"\"),(\"out\",\"" C
                              "\",\"\",\"\")],[],[],\"x\",\"y\",[],[])";
    char *file CLEANUP_FREE = xasprintf("%s%s", f->real_store, strrchr(D, '/'));

    assert_int_equal(nixfixture_register(f, ENTRY(D, H1), NULL, &e), -ENOENT);
    assert_error_names(e, file, "derivation");
    assert_int_equal(access(f->database, F_OK), -1);

    nixfixture_write(file, drv, strlen(drv) - 1);
    assert_int_equal(nixfixture_register(f, ENTRY(D, H1), NULL, &e), -EBADMSG);
    assert_error_names(e, file, "at byte");
    assert_int_equal(access(f->database, F_OK), -1);

    nixfixture_write(file, drv, strlen(drv));
    assert_int_equal(nixfixture_register(f, ENTRY(D, H1), NULL, NULL), 0);
    nixfixture_expect(f, "select * from DerivationOutputs", "1|dev|" B "\n1|out|" C "\n");
}

static void a_derivation_is_read_into_an_existing_database_once(void **state)
{
    struct nixfixture *f = *state;
    static const char drv[] = "Derive([(\"out\",\"" C "\",\"\",\"\")])";
    char *file CLEANUP_FREE = xasprintf("%s%s", f->real_store, strrchr(D, '/'));
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    assert_int_equal(nixfixture_register(f, ENTRY(D, H1), NULL, NULL), -ENOENT);
    nixfixture_expect(f, "select count(*) from ValidPaths", "1\n");
    nixfixture_write(file, drv, strlen(drv));
    assert_int_equal(nixfixture_register(f, ENTRY(D, H1), NULL, NULL), 0);
    nixfixture_expect(f, "select * from DerivationOutputs", "2|out|" C "\n");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(nixfixture_register(f, ENTRY(D, H2), NULL, NULL), 0);
}

static void the_registrations_own_path_is_registered_once_and_refers_to_all(void **state)
{
    struct nixfixture *f = *state;
    static const char text[] = ENTRY(A, H1) REFERS(C, H1, A);
    char *own CLEANUP_FREE = xasprintf("%s%s", f->real_store, strrchr(B, '/'));
    f->target.registration_path = B "/registration";

    /* not there: all else is registered */
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    nixfixture_expect(f, "select path from ValidPaths", A "\n");

    nixfixture_write(own, "hi\n", 3);
    assert_int_equal(nixfixture_register(f, text, NULL, NULL), 0);
    /* nix-hash --type sha256 of that file */
    nixfixture_expect(
        f, "select path, hash, narSize from ValidPaths where path like '%-b'",
        B "|sha256:10551daed7fa467d0b58826e7eb9a0f2af7d693de319f2ef775fffcda244b9f6|120\n");
    nixfixture_expect(
        f,
        "select r.path from Refs, ValidPaths r, ValidPaths o where referrer = o.id and "
        "reference = r.id and o.path like '%-b' order by r.path",
        A "\n" C "\n");
    char *before CLEANUP_FREE = nixfixture_list(f);
    assert_int_equal(nixfixture_register(f, text, NULL, NULL), 0);
    char *after CLEANUP_FREE = nixfixture_list(f);
    assert_string_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_database_has_the_files_and_rows_of_nix,
                                        nixfixture_setup, nixfixture_teardown),
        cmocka_unit_test_setup_teardown(registering_again_touches_no_file, nixfixture_setup,
                                        nixfixture_teardown),
        cmocka_unit_test_setup_teardown(known_paths_are_updated_and_others_left_alone,
                                        nixfixture_setup, nixfixture_teardown),
        cmocka_unit_test_setup_teardown(a_reference_may_be_to_a_path_that_only_the_database_has,
                                        nixfixture_setup, nixfixture_teardown),
        cmocka_unit_test_setup_teardown(a_reference_to_nowhere_is_named_and_nothing_written,
                                        nixfixture_setup, nixfixture_teardown),
        cmocka_unit_test_setup_teardown(a_bad_registration_changes_nothing, nixfixture_setup,
                                        nixfixture_teardown),
        cmocka_unit_test_setup_teardown(a_derivations_outputs_are_those_in_its_file,
                                        nixfixture_setup, nixfixture_teardown),
        cmocka_unit_test_setup_teardown(a_derivation_is_read_into_an_existing_database_once,
                                        nixfixture_setup, nixfixture_teardown),
        cmocka_unit_test_setup_teardown(
            the_registrations_own_path_is_registered_once_and_refers_to_all, nixfixture_setup,
            nixfixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
