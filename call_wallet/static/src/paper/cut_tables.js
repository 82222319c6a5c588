/**
 * Cuts the tables of a page that is printed between rows, and gives each part the head again: the wkhtmltopdf that this
 * is for does not do it. For pages with an element `o_call_wallet_pages`, whose children are laid out one below the
 * other. Old JavaScript, as its browser engine reads it.
 *
 * @param {number} width of the page's content, in pixels
 * @param {number} height of what fits on a page, in pixels
 */
window.cutTables = function (width, height) {
    var pages = document.querySelector(".o_call_wallet_pages");
    if (!pages) {
        return;
    }
    var body = document.body;
    body.style.width = width + "px";
    var real = Math.max(width, body.scrollWidth);
    body.style.width = real + "px";
    height = (height * real) / width;
    // Where the present page begins, on a page without end.
    var start = pages.getBoundingClientRect().top;
    var cuts = [];
    var box = function (node) {
        return node.getBoundingClientRect();
    };
    var fits = function (node) {
        return box(node).bottom - start <= height;
    };
    var before = function (node) {
        cuts.push({ node: node });
        start = box(node).top;
    };
    var rowsOf = function (table) {
        return [].slice.call(table.tBodies.length ? table.tBodies[0].rows : []);
    };
    [].slice.call(pages.children).forEach(function (child) {
        var rows = child.tagName === "TABLE" && child.tHead ? rowsOf(child) : [];
        if (!rows.length) {
            if (!fits(child)) {
                before(child);
            }
            return;
        }
        var title = child.previousElementSibling;
        if (!fits(rows[0])) {
            before(title && /^H\d$/.test(title.tagName) ? title : child);
        }
        var head = box(child.tHead).height;
        rows.forEach(function (row) {
            if (!fits(row)) {
                cuts.push({ node: child, row: row });
                start = box(row).top - head;
            }
        });
        var whole = box(child).width;
        [].slice.call(child.tHead.rows[0].cells).forEach(function (cell) {
            cell.setAttribute("data-share", (100 * box(cell).width) / whole + "%");
        });
    });
    // From the end, so that each row moves once.
    cuts.reverse().forEach(function (cut) {
        if (!cut.row) {
            cut.node.style.pageBreakBefore = "always";
            return;
        }
        [].slice.call(cut.node.tHead.rows[0].cells).forEach(function (cell) {
            cell.style.width = cell.getAttribute("data-share");
        });
        cut.node.style.tableLayout = "fixed";
        var part = cut.node.cloneNode(false);
        part.style.pageBreakBefore = "always";
        part.appendChild(cut.node.tHead.cloneNode(true));
        var rows = part.appendChild(document.createElement("tbody"));
        var row = cut.row;
        while (row) {
            var next = row.nextElementSibling;
            rows.appendChild(row);
            row = next;
        }
        cut.node.parentNode.insertBefore(part, cut.node.nextSibling);
    });
    body.style.width = "";
};
