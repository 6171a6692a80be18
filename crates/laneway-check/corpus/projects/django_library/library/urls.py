from django.urls import path

from library import views

urlpatterns = [
    path("lend/<str:title>", views.lend),
    path("authors", views.authors),
    path("author/<str:name>", views.author),
    path("overdue", views.overdue),
    path("shelf", views.shelf),
]
