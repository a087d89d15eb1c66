"""What mutation asks of the tests of the kernel."""


def test_every_test_is_found_by_its_name(request):
    """No name has a character that pytest escapes: it escapes again at every collection, and mutmut collects twice.

    A test that is then not found counts as failed, and every mutant of a function that it calls as killed.
    """
    names = [item.nodeid for item in request.session.items if item.path.parent == request.path.parent]
    assert [name for name in names if "\\" in name] == []
