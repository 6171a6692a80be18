from asgiref.sync import sync_to_async
from django.http import JsonResponse

from library.mail import remind, remind_later
from library.models import Author, Book


async def lend(request, title):
    book = Book.by_title(title)
    book.lend(request.user)
    return JsonResponse({"title": title})


async def authors(request):
    names = [author.name async for author in Author.objects.order_by("name")]
    count = await Book.objects.acount()
    return JsonResponse({"authors": names, "books": count})


async def author(request, name):
    found = await sync_to_async(Author.objects.get)(name=name)
    return JsonResponse({"name": found.name})


def shelf(request):
    return JsonResponse({"books": [book.title for book in Book.objects.all()]})


async def overdue(request):
    remind(request.user)
    await sync_to_async(remind_later)(request.user)
    return JsonResponse({})
