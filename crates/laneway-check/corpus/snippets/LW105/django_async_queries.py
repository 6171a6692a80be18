from django.db import models
from django.http import JsonResponse


class Book(models.Model):
    title = models.CharField(max_length=80)


async def count(request):
    found = await Book.objects.filter(title="x").acount()
    return JsonResponse({"books": found})
