"""A small shop of list pages and numbered pictures."""

from servers import Answer, Site, gallery, picture

PICTURES = [picture(number) for number in range(12)]


def shop(pictures=12, pages=3, wait=0.0, **more):
    """List pages, each with a part of the pictures; a list page knows whether it has changed."""
    each = pictures // pages
    routes = {
        f"/{n}.jpg": Answer(PICTURES[n % 12] + n.to_bytes(2, "big"), kind="image/jpeg", wait=wait)
        for n in range(pictures)
    }
    for page in range(pages):
        body = "".join(f'<img src="/{n}.jpg">' for n in range(page * each, (page + 1) * each))
        body += f'<a class="next" href="/list{page + 1}">more</a>' if page + 1 < pages else ""
        routes[f"/list{page}"] = unchanging(body.encode())
    return Site(routes | more)


def unchanging(body):
    def answer(headers, _number):
        if headers.get("if-none-match") == '"v1"':
            return Answer(status=304)
        return Answer(body, headers={"ETag": '"v1"'})

    return answer


def lists(site, **values):
    return gallery(site, "/list0", next="a.next", **values)


def numbers(site):
    """Which of the numbered pictures were asked for, as often as they were."""
    return sorted(int(hit.path[1:-4]) for hit in site.asked() if hit.path[1:-4].isdigit())
